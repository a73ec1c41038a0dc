"""The survey of games: rows that are appended, and games that fail."""

import json
import os

import pytest

from diffses.cli import survey_detector
from diffses.cli.survey_detector import main, read_survey, survey, tidy, to_do
from diffses.detector.game_survey import blank_row
from diffses.errors import ConfigError


def row(game, version=1, **more):
    return blank_row(game, [0, 1], 300, version, None) | more


def dies(game, seeds, steps, version, picture):
    """A survey of a game whose process ends without a word, or that works."""
    if game == "pong":
        os._exit(3)
    return row(game, version)


@pytest.mark.slow
def test_a_game_whose_process_dies_is_a_row_and_the_others_go_on(tmp_path):
    games = ["pong", "boxing"]
    found = {one["game"]: one for one in survey(games, [0, 1], 300, tmp_path, 1, dies)}
    assert "died" in found["pong"]["error"]
    assert found["boxing"]["error"] is None
    assert found["pong"]["detector_version"] == found["boxing"]["detector_version"] > 1


def test_only_what_is_missing_is_done_and_the_outdated_on_request():
    known = {"pong": row("pong", 1), "boxing": row("boxing", 2)}
    wanted = {"detector_version": 2, "seeds": [0, 1], "steps": 300}
    games = ["boxing", "freeway", "pong"]
    assert to_do(games, known, wanted, "none") == (["freeway"], ["pong"])
    assert to_do(games, known, wanted, "outdated") == (["freeway", "pong"], [])
    assert to_do(games, known, wanted, "all") == (games, [])
    assert to_do(games, known, wanted | {"steps": 400}, "none") == (["freeway"], ["boxing", "pong"])


def test_the_last_row_of_a_game_counts(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert read_survey(path) == {}
    lines = [row("pong", 1), row("boxing", 1), row("pong", 2)]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert read_survey(path)["pong"]["detector_version"] == 2
    tidy(path)
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["game"], one["detector_version"]) for one in kept] == [("boxing", 1), ("pong", 2)]
    with path.open("a") as file:
        file.write('{"gam\n')
    with pytest.raises(ConfigError, match=r"line 3 of .* is no row of a survey"):
        read_survey(path)


def test_it_goes_on_where_it_ended(tmp_path, monkeypatch, capsys):
    done = []

    def look(games, *rest):
        done.append(games)
        yield from (row(game, survey_detector.STAGES["detector"].version) for game in games)

    monkeypatch.setattr(survey_detector, "survey", look)
    options = [f"--out={tmp_path / 'rows.jsonl'}", f"--page={tmp_path}", "--steps=300"]
    assert main(["--games=pong", *options]) == 0
    assert main(["--games=boxing,pong", *options]) == 0
    assert main(["--games=boxing,pong", "--redo=all", *options]) == 0
    assert done == [["pong"], ["boxing"], ["boxing", "pong"]]
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 2
    assert (tmp_path / "index.html").exists()
    capsys.readouterr()
    assert main(["--games=pong", *options, "--seeds=5"]) == 0
    assert "fix: --redo outdated" in capsys.readouterr().out
    assert main(["--games=pong", "--processes=3", *options]) == 1
    assert "fix: --processes 2" in capsys.readouterr().err
