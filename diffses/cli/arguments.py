"""What the commands' argument parsers have in common."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from diffses.cli.exit_codes import UsageError
from diffses.config import ROOT
from diffses.config.base import from_home


class CommandParser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and end the process.

    Args:
        prog: the command, e.g. "python -m diffses play".
        description: what it does; line breaks are kept.
        example: a command line that works.
    """

    def __init__(self, *, prog: str, description: str, example: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=f"example:\n  {example}",
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
        )
        self.example = example

    def error(self, message: str) -> NoReturn:
        problem, fix = self._explain(message)
        raise UsageError(problem, fix=fix)

    def _explain(self, message: str) -> tuple[str, str]:
        """argparse's message as what is wrong and what to type."""
        if match := re.fullmatch(r"unrecognized arguments: (\S+).*", message, re.DOTALL):
            return self._unknown(match[1])
        if match := re.fullmatch(r"the following arguments are required: (.+)", message):
            return f"{match[1]}: missing", self.example
        if match := re.fullmatch(r"argument (\S+): (.+)", message, re.DOTALL):
            return self._bad_value(match[1], match[2])
        return message, f"{self.prog} --help"

    def _unknown(self, word: str) -> tuple[str, str]:
        if not word.startswith("-"):
            return f"unexpected argument {word}", f"{self.prog} --help"
        name = word.split("=")[0]
        near = difflib.get_close_matches(name, self._option_names(), n=1)
        return f"there is no option {name}", near[0] if near else f"{self.prog} --help"

    def _bad_value(self, argument: str, complaint: str) -> tuple[str, str]:
        name = argument.split("/")[-1]  # of "-o/--output"
        if match := re.fullmatch(r"invalid choice: '?(.*?)'? \(choose from (.*)\)", complaint):
            choices = [choice.strip(" '[]") for choice in match[2].split(",")]
            near = difflib.get_close_matches(match[1], choices, n=1) or [" | ".join(choices)]
            before = name if name.startswith("-") else self.prog
            return f"{name}: there is no {match[1]!r}", f"{before} {near[0]}"
        default = self.get_default(name.lstrip("-").replace("-", "_"))
        has_example = name.startswith("-") and default not in (None, argparse.SUPPRESS)
        return f"{name}: {complaint}", f"{name} {default}" if has_example else self.example

    def _option_names(self) -> list[str]:
        """Every option, of the subcommands too: argparse lets the main parser complain of those."""
        names = list(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    names += parser._option_names()
        return names


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Shows the default of every option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default, text = action.default, action.help or ""
        unset = default is None or default is False or default == argparse.SUPPRESS
        if unset or "default" in text or not action.option_strings:
            return action.help
        return f"{text} (default: %(default)s)"


def add_outputs(parser: argparse.ArgumentParser, default: Any = ROOT / "outputs") -> None:
    """Adds `--outputs`, the artifact store's folder."""
    parser.add_argument(
        "--outputs",
        type=path,
        metavar="DIR",
        default=default,
        help="the artifact store (default: outputs/ of the project)",
    )


def path(text: str) -> Path:
    """A path, relative to where the user stands; `~` is the home folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(from_home(text))


def file(text: str) -> Path:
    """The path of a file to write: any but a folder's."""
    found = path(text)
    if found.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder")
    return found


def whole(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number of `least` or more."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
        return number

    return read


def game_name(text: str) -> str:
    """An Atari game for one player, by the name that ale-py gives its ROM."""
    from diffses.envs.ale import games  # loads the emulator

    if text not in games():  # in argparse's words, to name the nearest
        raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {games()})")
    return text


def listed(read: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """The type of an argument that holds several values, with commas between them."""
    return lambda text: [read(word.strip()) for word in text.split(",")]
