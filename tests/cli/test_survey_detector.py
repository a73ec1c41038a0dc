"""What a survey prints of a game."""

from diffses.cli.survey_detector import lines


def test_a_table_of_the_seeds_and_why_one_found_nothing():
    kind = {"name": "ball", "size_px": [2, 4.0], "seen_per_screen": 0.987}
    found = {"seed": 0, "types": [kind, kind], "features": 12, "seconds": 3.4}
    failed = {"seed": 1, "error": "nothing moves"}
    row = {"game": "pong", "same": 0.5, "same_player": True, "seeds": [found, failed]}
    assert "\n".join(lines(row)).splitlines() == [
        "pong  same 0.50  same player: yes",
        "  seed  seconds  features  types",
        "     0      3.4        12  ball 2x4 (0.99), ball 2x4 (0.99)",
        "     1                     nothing moves",
    ]
