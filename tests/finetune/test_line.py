"""Which lines go on."""

from diffses.finetune.drives import DrivePolicy
from diffses.finetune.line import Line, best_lines, schedule
from diffses.finetune.lineage import Lineage
from diffses.finetune.race import Entrant
from diffses.policy.forest import Forest

FOREST = Forest(("x",), ("A",), (0,), ((0.0,),))


def line(name, *returns):
    present = Entrant(DrivePolicy(()), FOREST, name, returns=list(returns))
    return Line(name, present, Lineage.start(name, 0), [], None)


def names(lines):
    return [one.name for one in lines]


def test_the_best_go_on_but_not_those_that_are_clearly_worse():
    # variances 4, 4 and 4: the standard error of a difference is 2 sqrt(2 / 3) = 1.63
    lines = [line("worse", 6, 8, 10), line("best", 10, 12, 14), line("close", 7, 9, 11)]
    assert names(best_lines(lines, 3)) == ["best", "close"]
    assert names(best_lines(lines, 1)) == ["best"]


def test_luck_in_a_few_games_does_not_look_like_certainty():
    # it is 3 points behind and never varied, but the games vary as the others show
    lines = [line("lucky", 10, 12, 14), line("steady", 9, 9, 9), line("wild", 1, 10, 19)]
    assert "steady" in names(best_lines(lines, 3))


def test_lines_become_fewer():
    assert schedule(3) == [(3, 0.5), (2, 0.75), (1, 1.0)]
    assert schedule(1) == [(1, 0.5), (1, 0.75), (1, 1.0)]
