"""The report's page: what `templates/page.html.j2` shows, section by section."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffses.csv_rows import read_rows
from diffses.evaluation.results import PROTOCOLS, Row, read_json
from diffses.policy.forest import Forest
from diffses.report import advantages, formula
from diffses.report import figures as plots
from diffses.report.costs import costs
from diffses.report.decision import telling
from diffses.report.episode_player import player
from diffses.report.html import Cell, Figure, Table, picture_of, render
from diffses.report.replay import Recording
from diffses.report.reproduce import command
from diffses.report.run_artifacts import Shown, detector_folder
from diffses.report.tables import RESULTS, nodes, result_cells, results_table
from diffses.report.tree_figure import draw
from diffses.report.wording import (
    DASH,
    MINUS,
    NAMES,
    PROTOCOL_NAMES,
    bounds,
    from_memory,
    game_name,
    headline,
    number,
    protocol_note,
    share,
    verdicts,
    warnings,
)

LARGEST_TREE = 150  # nodes of a tree that is drawn beside the first

UNITS = (
    "Positions, sizes and differences of positions are in units of 100 pixels from the top left of "
    "the screen, velocities in 10 pixels a step; “present” is 1 while the object is visible, and "
    "all other features of an object that is not visible are 0; “push” is the direction in which "
    f"the last action moves the player: right or down 1, left or up {MINUS}1."
)
DIVISION = "A fraction is a division that gives 1 where the divisor is nearly 0."
CHOICE = "At every step each action has a value, and the action with the highest value is played."
SQUASHED = (
    "At every step each formula gives one dimension of the action, squashed by tanh into its "
    "bounds."
)


def page(
    game: str,
    seed: int,
    shown: Shown,
    opened: float | None,
    recording: Recording | None = None,
    picture: Path | None = None,
) -> str:
    """The whole page.

    Args:
        game: as in the config.
        seed: of the search.
        shown: the artifacts that the page is about.
        opened: when the run began, in seconds since 1970: a stage built before is a reused one.
            None where that is not known.
        recording: of an episode the champion played.
        picture: of one decision in it.
    """
    way = "from pixels to formula" if shown.has_frames else "as a formula"
    return render(
        "page.html.j2",
        title=f"{game_name(game)}: {way}",
        heading=f"{game_name(game)}, {way}",
        seed=seed,
        warnings=warnings(shown),
        headline=headline(game, shown),
        verdicts=" ".join(verdicts(shown)),
        key_figures=key_figures(shown),
        formula=the_formula(shown),
        decision=None if picture is None else decision(picture),
        player="" if recording is None else player(recording, telling(recording)),
        results=results(shown),
        seen=seen(shown, recording),
        trees=trees(shown),
        curves=curves(shown),
        validation=validation_table(
            read_rows(shown.folders["finetune"] / "validation.csv", missing_ok=True)
        ),
        front=front(shown),
        story=story(shown),
        advantages=advantages.section(shown),
        costs=costs(shown, opened),
        reproduce=reproduce(shown),
    )


def key_figures(shown: Shown) -> list[tuple[str, str]]:
    """The numbers a newcomer asks for first, each with its label."""
    row = shown.result(shown.champion) or {}
    size = nodes(row)
    return [
        (number(row.get("mean")), f"mean return, {shown.protocol}"),
        (bounds(row.get("ci95")), "95 % interval"),
        (_mean(shown.result("teacher")), "its teacher"),
        (_mean(shown.result("random")), "random play"),
        (size, "nodes in all trees" + " (with features written out)" * ("(" in size)),
        (share(row.get("agreement")), "agrees with the teacher"),
    ]


def the_formula(shown: Shown) -> dict[str, Any] | None:
    """The champion, and the other forests to unfold; None where there is no champion."""
    if shown.champion is None:
        return None
    forest = shown.forests[shown.champion]
    return {
        "meaning": CHOICE if forest.bounds is None else SQUASHED,
        "note": f"{UNITS} {DIVISION}" if shown.has_frames else DIVISION,
        "champion": _forest(forest, shown.champion),
        "others": [
            _forest(other, name) for name, other in shown.forests.items() if name != shown.champion
        ],
    }


def _forest(forest: Forest, name: str) -> dict[str, Any]:
    return {
        "name": NAMES[name],
        "size": forest.size,
        "typeset": formula.typeset(forest),
        "weights": formula.weight_table(forest),
        "in_full": formula.in_full(forest, name),
    }


def decision(picture: Path) -> Figure:
    """How one decision comes about."""
    caption = (
        "One step of the episode below. Dark: the features that the formula uses. Red: the chosen "
        "action, and the term that contributed most to it."
    )
    alt = "Frame, objects, features, values of the trees, action"
    return Figure(picture_of(picture), alt, caption)


def results(shown: Shown) -> dict[str, Any]:
    """A table for each protocol, and the returns of the single episodes."""
    found = []
    for protocol in PROTOCOLS:
        rows = [row for row in shown.results if row["protocol"] == protocol]
        if rows:
            made = results_table(RESULTS, rows, map(result_cells, rows), shown.champion)
            note = protocol_note(protocol, shown)
            found.append({"name": PROTOCOL_NAMES[protocol], "table": made, "note": note})
    strict = (shown.result(shown.champion) or {}).get("agreement_same_action")
    return {
        "protocols": found,
        "returns": _returns(shown),
        "champion": NAMES.get(shown.champion or "", ""),
        "strict_agreement": None if strict is None else share(strict),
    }


def _returns(shown: Shown) -> Figure | None:
    drawn = plots.returns(shown)
    caption = (
        "Each dot is a test episode; its height within a line has no meaning. The diamond is the "
        "mean, the bar its 95 % interval (none under v4)."
    )
    if drawn is None:
        return None
    return Figure(drawn, "Returns of the test episodes of each policy", caption)


def seen(shown: Shown, recording: Recording | None = None) -> dict[str, Any]:
    """A frame with the objects that the detector found, and the meaning of each feature."""
    sample = detector_folder(shown.folders) / "sample.png"
    caption = (
        "A frame of the game with the objects that the detector found; it was given no labels."
    )
    if from_memory(shown):
        caption = "A frame of the game with the objects that were read from memory."
    picture = None
    if sample.is_file():
        picture = Figure(picture_of(sample), "Detected objects", caption, "sample")
    names = [str(name) for name in shown.features.get("features", [])]
    return {
        "sample": picture,
        "features": feature_table(names, shown, recording) if names else None,
    }


def feature_table(names: Sequence[str], shown: Shown, recording: Recording | None) -> Table:
    """Each feature, its meaning where the detector gives one, and its value in the step shown."""
    units = shown.features.get("units", {})
    known = any(units.get(name) for name in names)
    rows: list[list[str | Cell]] = [
        [Cell(codes=[name]), *([str(units.get(name, ""))] * known)] for name in names
    ]
    head = ["feature", *(["meaning"] * known)]
    if recording is not None:
        step, record = telling(recording), recording.record
        values = dict(zip(record["features"], record["rows"][step], strict=True))
        head.append(f"in step {step + 1}")
        for row, name in zip(rows, names, strict=True):
            row.append(number(values.get(name), 2))
    return Table(head, rows, left=1 + known)


def trees(shown: Shown) -> dict[str, Any] | None:
    """The trees drawn: the smallest that has an operator, and the others to unfold."""
    forest = shown.forests.get(shown.champion or "")
    if forest is None or max(forest.sizes) == 1:
        return None
    size, first = min((size, index) for index, size in enumerate(forest.sizes) if size > 1)
    caption = f"The tree of {forest.actions[first]}, {size} nodes, as it is stored. Its root is on "
    caption += "the left."
    return {
        "first": _tree(forest, first, caption),
        "others": [
            _tree(forest, other, f"The tree of {action}.")
            for other, action in enumerate(forest.actions)
            if other != first and 1 < forest.sizes[other] <= LARGEST_TREE
        ],
    }


def _tree(forest: Forest, index: int, caption: str) -> Figure:
    return Figure(draw_tree(forest, index), f"Tree of {forest.actions[index]}", caption, "tree")


def draw_tree(forest: Forest, index: int) -> str:
    """One tree as a data URI."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.svg"
        draw(forest.trees[index], forest.features, path)
        return picture_of(path)


def curves(shown: Shown) -> Figure | None:
    """The learning curves of the teacher and of the search."""
    drawn = plots.curves(shown)
    caption = (
        "Returns during training. They are not test results: the episodes differ, actions may be "
        "sampled and episodes cut."
    )
    return None if drawn is None else Figure(drawn, "Learning curves", caption)


def validation_table(rows: Sequence[dict[str, str]]) -> Table | None:
    """The candidates of `validation.csv`, the champion marked; None without any."""
    if not rows:
        return None
    cells = [
        [
            row["source"],
            number(float(row["mean"])),
            number(float(row["standard_error"])) if row.get("standard_error") else DASH,
            row.get("episodes", DASH),
            row.get("size", DASH),
        ]
        for row in rows
    ]
    head = ["candidate", "mean", "standard error", "episodes", "nodes"]
    champion = next((i for i, row in enumerate(rows) if row.get("champion") == "True"), None)
    return Table(head, cells, marked=champion)


def story(shown: Shown) -> dict[str, Any] | None:
    """How the search came to the formula, step by step, and what its proposers brought; None where
    it left no story."""
    about = read_json(shown.folders["finetune"] / "search.json") or {}
    if not about.get("story"):
        return None
    steps: list[list[str | Cell]] = [
        [
            step["step"],
            Cell(codes=step["policy"].splitlines()),
            number(step["return"]),
            number(step["standard_error"]),
            str(step["games"]),
            str(step["size"]),
            str(step["tried"]),
            f"{step['steps']:,}",
        ]
        for step in about["story"]
    ]
    columns = ["step", "policy", "return", "standard error", "games", "nodes", "tried", "steps"]
    proposers: list[list[str | Cell]] = [
        [
            name,
            *(str(one[key]) for key in ("played", "confirmed", "accepted")),
            number(one["gain"]),
            f"{one['steps']:,.0f}",
        ]
        for name, one in about["proposers"].items()
    ]
    head = ["proposed by", "played", "confirmed", "accepted", "gain", "steps"]
    return {
        "drives": about["drives"],
        "compact": about["size"]["compact"],
        "expanded": about["size"]["expanded"],
        "untuned": number(about["untuned"]["return"]),
        "steps": Table(columns, steps, left=2, marked=len(steps) - 1),
        "proposers": Table(head, proposers),
    }


def front(shown: Shown) -> Figure | None:
    """Return against size of the candidates."""
    drawn = plots.front(shown)
    caption = (
        "Validation return against the nodes of all trees, with the standard error of the mean; "
        "candidates that were given up early played fewer episodes. The line is the Pareto front "
        "of those that played all episodes; the diamond is the formula of this page."
    )
    return None if drawn is None else Figure(drawn, "Return against size", caption)


def reproduce(shown: Shown) -> dict[str, Any]:
    """The command line, the commits, the settings and the versions of the packages."""
    versions: dict[str, str] = {}
    for made in shown.built.values():
        versions |= made.packages
    commits = {made.git for made in shown.built.values() if made.git}
    return {
        "command": command(shown.config),
        "commits": ", ".join(sorted(commits)) or "unknown",
        "settings": json.dumps(shown.config, indent=2, sort_keys=True, ensure_ascii=False),
        "versions": Table(["package", "version"], sorted(versions.items()), left=2),
    }


def _mean(row: Row | None) -> str:
    return DASH if row is None else number(row["mean"])
