"""`python -m diffses.policy.export KEY|ENV|FILE.json --to python|json|latex|sympy|c -o FILE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from diffses.config import ROOT, GymnasiumEnv
from diffses.errors import ConfigError, DiffsesError
from diffses.export.export import FORMATS, export, title
from diffses.zoo.champion import FOLDER, Champion
from diffses.zoo.open_policy import POLICIES, open_policy


def text(champion: Champion, to: str, pixels: bool) -> str:
    """The exported file.

    Raises:
        ConfigError: for pixels in another language than Python, or without frames.
    """
    plays_task = isinstance(champion.env, GymnasiumEnv)
    if pixels and (to != "python" or champion.env is None or plays_task):
        what = "no frames" if plays_task else "no environment" if to == "python" else f"--to {to}"
        raise ConfigError(
            f"--pixels is for games of frames, in Python; there is {what} here",
            fix="without --pixels" if to == "python" else "--to python --pixels",
        )
    if champion.env is not None and to == "python" and (pixels or plays_task):
        from diffses.export.standalone import to_player

        return to_player(champion.forest, champion.env, champion.detector, title(champion.env))
    units = {}
    if champion.detector is not None:
        from diffses.detector.loading import open_detector

        units = open_detector(champion.detector).units
    return export(champion.forest, to, title(champion.env), units)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m diffses.policy.export", description=__doc__)
    parser.add_argument("policy", help="an artifact's key, a shipped environment, or a forest")
    parser.add_argument("--to", choices=FORMATS, default="python")
    parser.add_argument("--pixels", action="store_true", help="also what it takes to play frames")
    parser.add_argument("--which", choices=POLICIES, help="of a key; the last one made")
    parser.add_argument("-o", "--output", default="-", help="a file; - is the terminal")
    parser.add_argument("--outputs", default=str(ROOT / "outputs"), help="the artifact store")
    parser.add_argument("--zoo", default=str(FOLDER), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        champion = open_policy(
            options.policy, Path(options.outputs), Path(options.zoo), options.which
        )
        written = text(champion, options.to, options.pixels)
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    if options.output == "-":
        print(written, end="")
    else:
        target = Path(options.output)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written, encoding="utf-8")
        print(f"{options.output}: {len(written.encode()):,} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
