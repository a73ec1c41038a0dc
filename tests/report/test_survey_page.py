"""The page of a survey."""

from diffses.detector.game_survey import blank_row
from diffses.report.survey_page import line_of, summary, verdict, write_page

BALL = {
    "name": "ball",
    "size_px": [2.0, 4.0],
    "share_of_frames": 0.987,
    "seen_per_screen": 1.2,
    "controllability": None,
    "contact": {"n": 14, "reward": [12.7, 4.2], "life_lost": [0.6, 0.1], "vanishes": [0.0, 0.2]},
}
FOUND = {
    "seed": 0,
    "player": "player",
    "pushes": {"UP": [0, -1], "DOWNLEFT": [-1, 1]},
    "types": [BALL, BALL],
    "features": 12,
    "observed_per_second": 4321,
    "player_controllability": 0.5,
}


def row(game, **more):
    found = {"recordings": [FOUND, FOUND], "player": "player", "player_controllability": 0.5}
    good = {"stability": 0.95, "same_player": True, "seconds": 3.4}
    return blank_row(game, [0, 1], 300, 1, None) | found | good | more


def test_what_failed_comes_first(tmp_path):
    failed = {"error": "nothing <moves>", "recordings": [{"seed": 0, "error": "nothing <moves>"}]}
    rows = [
        row("boxing"),
        row("alien", stability=0.4),
        row("amidar", stability=0.3),
        row("bowling", recordings=[FOUND | {"player": None}], player=None),
        row("pong", same_player=False),
        row("hero", player=None, stability=None, **failed),
    ]
    assert [verdict(one) for one in rows] == [
        "good", "unstable", "unstable", "no player", "players differ", "error",
    ]  # fmt: skip
    (tmp_path / "alien.png").write_bytes(b"")
    page = write_page(rows, tmp_path).read_text()
    places = [page.index(f'<section id="{game}">') for game in
              ("hero", "bowling", "pong", "amidar", "alien", "boxing")]  # fmt: skip
    assert places == sorted(places)
    assert "nothing &lt;moves&gt;" in page
    assert page.count("<img") == 1
    assert 'src="alien.png"' in page
    assert "UP ↑, DOWNLEFT ↙" in page
    assert "2 x 4 px" in page
    assert "harms (n 14: reward 13 ± 4, lives lost 0.6 ± 0.1, vanishes 0 ± 0.2)" in page
    assert summary(rows) == (
        "6 games: a player found in 4, stability 0.9 or more in 3. "
        "1 error, 1 no player, 1 players differ, 2 unstable, 1 good."
    )


def test_a_game_in_a_line():
    assert line_of(row("pong")) == "pong: player player (0.50), stability 0.95, 2, 2 types"
