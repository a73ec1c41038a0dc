"""`python -m diffses`: the table of commands, and what all of them do alike."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffses.cli.commands import COMMANDS, main
from diffses.cli.exit_codes import UsageError, exit_code
from diffses.errors import DiffsesError
from tests.conftest import ROOT

WITH_PARSER = sorted(COMMANDS.keys() - {"run"})


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows if row and row[0] in COMMANDS] == list(COMMANDS)


def test_help_loads_none_of_the_large_packages():
    code = (
        "import sys; from diffses.__main__ import main; main(['--help']); "
        "assert not {'hydra', 'numpy', 'torch', 'numba'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", WITH_PARSER)
def test_a_commands_help_has_its_name_and_an_example_that_parses(name, capsys):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: python -m diffses {name} ")
    example = out.partition("example:\n  ")[2].split()
    assert example[:4] == ["python", "-m", "diffses", name]
    parser = importlib.import_module(COMMANDS[name].module).make_parser()
    parse = parser.parse_intermixed_args if name == "tune-regressor" else parser.parse_args
    parse(example[4:])  # raises where the example is wrong


@pytest.mark.parametrize("name", WITH_PARSER)
def test_an_unknown_option_is_two_lines(name, capsys):
    assert main([name, "--colour=red"]) == 2
    problem, fix = capsys.readouterr().err.splitlines()
    assert problem.startswith("ERROR ")
    assert fix.startswith("  fix: ")


@pytest.mark.parametrize(
    ("words", "problem", "fix"),
    [
        (["stor"], "there is no command stor", "python -m diffses store"),
        (["env=pong"], "there is no command env=pong", "python -m diffses run env=pong"),
        (["--foo"], "there is no command --foo", "python -m diffses --help lists the commands"),
        (["store", "lst"], "command: there is no 'lst'", "python -m diffses store ls"),
        (["store"], "command: missing", "python -m diffses store ls"),
        (["store", "gc", "--dry"], "there is no option --dry", "--dry-run"),  # no abbreviations
        (["store", "--outputs", "", "ls"], "--outputs: the path is empty", "--outputs /"),
        (["zoo", "ls", "pong"], "unexpected argument pong", "python -m diffses zoo --help"),
        (["dashboard", "pus"], "command: there is no 'pus'", "python -m diffses dashboard push"),
        (["dashboard", "--project"], "--project: expected one argument", "--project diffses"),
        (["report"], "DIR: missing", "python -m diffses report multirun_sweeps/TIME"),
    ],
)
def test_a_command_line_that_cannot_be_understood(words, problem, fix, capsys):
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"ERROR {problem}"
    assert lines[1].startswith(f"  fix: {fix}")
    assert len(lines) == 2


def test_without_a_command_it_lists_them_on_stderr(capsys):
    assert main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "record-frames" in shown.err


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["store", "gc", "--outputs", __file__], "the path of a folder, not of a file"),
        (["ablation", __file__], "ls multirun_sweeps"),
        (["export-dataset", "abcd", "x.json", "--outputs", "/nowhere"], "python -m diffses store"),
    ],
)
def test_a_path_that_does_not_suit_is_two_lines(words, fix, capsys):
    assert main(words) == 1
    problem, solution = capsys.readouterr().err.splitlines()
    assert problem.startswith("ERROR ")
    assert solution.startswith(f"  fix: {fix}")


def test_the_home_folder_may_be_written_short(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "store" / "teacher" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"made": "here"}')
    assert main(["store", "show", "0123", "--outputs", "~/store"]) == 0
    assert capsys.readouterr().out == '{"made": "here"}'


RUN = ["run", "env=cartpole", "dry_run=true", "logger=none"]


@pytest.mark.parametrize(
    ("words", "unbuffered"), [(["--help"], ""), (["--help"], "1"), (RUN, ""), (RUN, "1")]
)
def test_a_closed_pipe_is_no_traceback(words, unbuffered, tmp_path):
    """As in `python -m diffses zoo ls | head -0`, with the reader gone before anything is written:
    141 is 128 + SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    folders = [f"outputs={tmp_path}", f"hydra.run.dir={tmp_path}/log"] if words == RUN else []
    done = subprocess.run(
        [sys.executable, "-m", "diffses", *words, *folders],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        cwd=ROOT,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_two_lines(unbuffered):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "diffses", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 1
    problem, _ = done.stderr.splitlines()
    assert problem == "ERROR OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (UsageError("a", fix="b"), 2, "ERROR a\n  fix: b\n"),
        (DiffsesError("a", fix="b"), 1, "ERROR a\n  fix: b\n"),
        (FileNotFoundError(2, "No such file", "x"), 1, "x: No such file\n  fix: a path that"),
        (KeyError("x"), 1, "ERROR KeyError: 'x'\n  fix: HYDRA_FULL_ERROR=1 shows the traceback\n"),
        (SystemExit(0), 0, ""),
        (SystemExit(3), 3, ""),
    ],
)
def test_exit_codes(error, code, shown, capsys, monkeypatch):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    @exit_code
    def command(arguments):
        raise error

    assert command([]) == code
    err = capsys.readouterr().err
    assert shown in err
    assert "Traceback" not in err


def test_a_traceback_on_request(capsys, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    @exit_code
    def command(arguments):
        raise KeyError("x")

    assert command([]) == 1
    assert "Traceback" in capsys.readouterr().err
