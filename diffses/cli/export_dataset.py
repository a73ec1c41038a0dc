"""`python -m diffses export-dataset`: a dataset in the JSON form of the original release."""

from __future__ import annotations

from collections.abc import Sequence

from diffses.cli.arguments import CommandParser, add_outputs, file
from diffses.cli.exit_codes import OK, exit_code
from diffses.dataset.json_form import write
from diffses.errors import ArtifactError
from diffses.store.lookup import find


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses export-dataset",
        description="Writes the training part of a dataset artifact in the JSON form of the "
        "original release\nof DiffSES; `dataset.import_json=FILE.json` reads such a file.",
        example="python -m diffses export-dataset 97a3a147 dataset.json",
    )
    parser.add_argument("key", metavar="KEY", help="the start of the artifact's key")
    parser.add_argument("file", metavar="FILE.json", type=file, help="the file to write")
    add_outputs(parser)
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    folder = find(options.outputs, options.key)
    if not (folder / "dataset.npz").is_file():
        raise ArtifactError(
            f"{options.key} is the key of a {folder.parent.name}, not of a dataset",
            fix="the key of a dataset: python -m diffses store ls",
        )
    count = write(folder, options.file)
    print(f"{count} states written to {options.file}")
    return OK
