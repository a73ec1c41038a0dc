"""`python -m diffses store`: lists, shows, checks, removes and tidies artifacts."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from diffses.cli.arguments import CommandParser, add_outputs
from diffses.cli.exit_codes import OK, exit_code
from diffses.errors import ArtifactError
from diffses.pipeline import PIPELINE
from diffses.store.keys import LAYOUT
from diffses.store.lookup import artifacts, find, read, size
from diffses.store.manifest import FILE, Manifest
from diffses.store.store import verify
from diffses.text_table import aligned


def ls(root: Path) -> None:
    """Prints one line for each artifact; those of an older layout, which no run reads, say so."""
    columns = ("stage", "key", "version", "started", "seconds", "MB", "")
    print(aligned(columns, [_listed(path) for path in artifacts(root)], "llrlrrl"))


def _listed(path: Path) -> list[str]:
    made = read(path)
    if made is None:
        return [path.parent.name, path.name, "damaged"]
    megabytes = f"{size(path) / 1e6:.2f}"
    started, seconds = f"{made.started:%Y-%m-%dT%H:%M:%S}", f"{made.seconds:.1f}"
    note = "" if made.layout == LAYOUT else _former(made)
    return [made.stage, path.name, str(made.version), started, seconds, megabytes, note]


def _former(made: Manifest) -> str:
    return f"was made before layout {LAYOUT}: layout {made.layout}"


def check(root: Path) -> None:
    """Verifies all artifacts; the first damaged one is the error, after all were looked at."""
    damaged: list[ArtifactError] = []
    for path in artifacts(root):
        try:
            verify(path)
        except ArtifactError as error:
            damaged.append(error)
        print(
            f"{'damaged' if damaged and damaged[-1].problem.startswith(str(path)) else 'whole':<8}"
            f" {path.parent.name} {path.name}"
        )
    if damaged:
        raise damaged[0]


def held(root: Path, stage: str, key: str) -> bool:
    """Whether a living process builds this artifact now."""
    try:
        with FileLock(root / ".locks" / f"{stage}-{key}.lock", timeout=0):
            return False
    except Timeout:
        return True


def rm(root: Path, key: str) -> None:
    # a damaged artifact may have lost its manifest: go by the folder's name alone
    stages = _versions()
    matches = [
        path
        for path in root.glob("*/*")
        if path.parent.name in stages and path.is_dir() and path.name.startswith(key)
    ]
    if not matches:
        raise ArtifactError(
            f"no artifact's key starts with {key}", fix="python -m diffses store ls"
        )
    if len({path.name.split(".")[0] for path in matches}) > 1:
        raise ArtifactError(f"several keys start with {key}", fix="type more of the key")
    for path in matches:
        if held(root, path.parent.name, path.name.split(".")[0]):
            raise ArtifactError(f"{path} is being built right now", fix="end that process first")
        shutil.rmtree(path)
        print(f"removed {path}")


def _versions() -> dict[str, int]:
    """What folders of artifacts are called, with the version of each that this code makes."""
    from diffses.stages.evaluate import PLAY_VERSION  # loads scipy, which `ls` can do without

    return {stage.name: stage.version for stage in PIPELINE} | {"play": PLAY_VERSION}


def _outdated(path: Path, current: Mapping[str, int]) -> Path | None:
    """The artifact, or the first of those it was made from, that this code no longer makes; None
    where it makes all of them. One that is gone was removed as such."""
    made = read(path)
    if made is None or made.layout != LAYOUT or made.version != current.get(made.stage):
        return path
    parents = [path.parents[1] / stage / key for stage, key in made.parents.items()]
    return next((old for old in (_outdated(p, current) for p in parents) if old is not None), None)


def _why_outdated(path: Path) -> str:
    """Why no run reads an artifact again that `_outdated` gave."""
    made = read(path)
    if made is None:
        return "is there no more" if not path.is_dir() else "has no manifest that can be read"
    return "is of a version that is no longer made" if made.layout == LAYOUT else _former(made)


def gc(root: Path, *, dry_run: bool) -> None:
    """Removes what no run will read again: unfinished builds that nobody goes on with, replaced
    folders, and artifacts of stage versions that this code no longer makes, or made from such."""
    current = _versions()
    (root / ".locks").mkdir(parents=True, exist_ok=True)
    for path in sorted(root.glob("*/*")):
        stage, key = path.parent.name, path.name.split(".")[0]
        if stage not in current or not path.is_dir() or held(root, stage, key):
            continue
        if path.suffix:
            reason = "unfinished" if path.suffix == ".partial" else "replaced"
        elif read(path) is None:
            reason = "no manifest that can be read"
        else:
            old = _outdated(path, current)
            if old is None:
                continue
            reason = f"{old.parent.name} {old.name} {_why_outdated(old)}"
        if not dry_run:
            shutil.rmtree(path)
        print(f"{'would remove' if dry_run else 'removed'} {path} ({reason})")


SUBCOMMANDS = {
    "ls": "list all artifacts",
    "show": "print an artifact's manifest",
    "verify": "check every file of every artifact",
    "rm": "remove an artifact",
    "gc": "remove unfinished builds and outdated artifacts",
}


def make_parser() -> CommandParser:
    prog = "python -m diffses store"
    parser = CommandParser(
        prog=prog, description="The artifacts that runs have built.", example=f"{prog} ls"
    )
    add_outputs(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    made = {}
    for name, about in SUBCOMMANDS.items():
        example = f"{prog} {name}"
        if name in ("show", "rm"):
            example += " 97a3a147"
        made[name] = commands.add_parser(name, help=about, description=about, example=example)
        if name in ("show", "rm"):
            made[name].add_argument("key", metavar="KEY", help="the start of the artifact's key")
        add_outputs(made[name], argparse.SUPPRESS)
    made["gc"].add_argument("--dry-run", action="store_true", help="only say what would go")
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    root = options.outputs
    if options.command == "ls":
        ls(root)
    elif options.command == "show":
        print((find(root, options.key) / FILE).read_text(), end="")
    elif options.command == "verify":
        check(root)
    elif options.command == "rm":
        rm(root, options.key)
    else:
        gc(root, dry_run=options.dry_run)
    return OK
