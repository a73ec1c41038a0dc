"""The report's page, section by section."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from diffses.evaluation.results import PROTOCOLS, Row, read_csv
from diffses.policy.forest import Forest
from diffses.report import figures as plots
from diffses.report import formula
from diffses.report.costs import costs
from diffses.report.decision import telling
from diffses.report.episode_player import player
from diffses.report.html import (
    Markup,
    details,
    document,
    figure,
    join,
    picture_of,
    section,
    table,
    tag,
)
from diffses.report.replay import Recording
from diffses.report.reproduce import command
from diffses.report.run_artifacts import Shown, detector_folder
from diffses.report.style import POLICY
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
    "the screen, velocities in 10 pixels a step; “present” is 1 while the object is seen, and "
    "all else of an object that is not seen is 0; “push” is where the last action pushes the "
    f"player: right or down 1, left or up {MINUS}1."
)
DIVISION = "A fraction is a division that gives 1 where the divisor is nearly 0."
CHOICE = "On every step each action has a value, and the action with the highest is played."
SQUASHED = (
    "On every step each formula gives one dimension of the action, squashed by tanh into its "
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
        shown: what it shows.
        opened: when the run began, in seconds since 1970: a stage built before is a reused one.
            None where that is not known.
        recording: of an episode the champion played.
        picture: of one decision in it.
    """
    return document(
        f"{game_name(game)}: {_way(shown)}",
        top(game, seed, shown),
        the_formula(shown),
        decision(picture),
        "" if recording is None else player(recording, telling(recording)),
        results(shown),
        seen(shown, recording),
        tree(shown),
        learning(shown),
        front(shown),
        costs(shown, opened),
        reproduce(shown),
    )


def top(game: str, seed: int, shown: Shown) -> Markup:
    cautions = warnings(shown)
    box = tag("div", *(tag("p", text) for text in cautions), cls="warning") if cautions else ""
    return join(
        [
            tag("p", f"diffses report, seed {seed}", cls="kicker"),
            tag("h1", f"{game_name(game)}, {_way(shown)}"),
            box,
            tag("p", headline(game, shown), cls="lead"),
            "" if cautions else tag("p", " ".join(verdicts(shown))),
            key_figures(shown),
        ]
    )


def _way(shown: Shown) -> str:
    return "from pixels to formula" if shown.has_frames else "as a formula"


def key_figures(shown: Shown) -> Markup:
    """The five numbers a newcomer asks for."""
    row = shown.result(shown.champion) or {}
    found = [
        (number(row.get("mean")), f"mean return, {shown.protocol}"),
        (bounds(row.get("ci95")), "95 % interval"),
        (_mean(shown.result("teacher")), "its teacher"),
        (_mean(shown.result("random")), "random play"),
        (DASH if row.get("size") is None else str(row["size"]), "nodes in all trees"),
        (share(row.get("agreement")), "agrees with the teacher"),
    ]
    return tag("div", *(tag("div", tag("b", n), tag("span", t)) for n, t in found), cls="figures")


def the_formula(shown: Shown) -> Markup:
    if shown.champion is None:
        return Markup("")
    forest = shown.forests[shown.champion]
    says = CHOICE if forest.bounds is None else SQUASHED
    note = f"{UNITS} {DIVISION}" if shown.has_frames else DIVISION
    others = [
        details(f"The {NAMES[name]} ({other.size} nodes)", _forest(other, name))
        for name, other in shown.forests.items()
        if name != shown.champion
    ]
    return section(
        "The formula",
        tag(
            "p", f"{says} These lines are the whole policy; constants are rounded to three digits."
        ),
        _forest(forest, shown.champion, tag("p", note, cls="note")),
        *others,
    )


def _forest(forest: Forest, name: str, note: str = "") -> Markup:
    linear = formula.weight_table(forest)
    extra = ""
    if linear is not None:
        text = "Every line is a weighted sum. Its weights, those that tell the actions apart first:"
        extra = join([tag("h3", "As a table"), tag("p", text, cls="note"), linear])
    return join(
        [
            formula.typeset(forest),
            note,
            extra,
            formula.in_full(forest, name),
        ]
    )


def results(shown: Shown) -> Markup:
    parts: list[str] = []
    for protocol in PROTOCOLS:
        rows = [row for row in shown.results if row["protocol"] == protocol]
        if rows:
            parts += [
                tag("h3", PROTOCOL_NAMES[protocol]),
                results_table(rows, shown.champion),
                tag("p", protocol_note(protocol, shown), cls="note"),
            ]
    drawn = plots.returns(shown)
    if drawn is not None:
        caption = (
            "Every test episode is a dot, its height within a line without meaning. The diamond "
            "is the mean, the bar its 95 % interval (none under v4)."
        )
        parts.append(figure(drawn, "Returns of the test episodes of each policy", caption))
    parts.append(tag("p", _meaning(shown), cls="note"))
    return section("How well it plays", *parts)


def results_table(rows: Iterable[Row], champion: str | None) -> Markup:
    rows = list(rows)
    columns = ["policy", "mean", "95 % interval", "IQM", "episodes", "nodes", "agreement"]
    cells = [
        [
            join([dot(row["policy"]), NAMES[row["policy"]]], ""),
            number(row["mean"]),
            bounds(row["ci95"]),
            number(row["iqm"]),
            str(row["episodes"]),
            DASH if row.get("size") is None else str(row["size"]),
            share(row.get("agreement")),
        ]
        for row in rows
    ]
    marked = next((i for i, row in enumerate(rows) if row["policy"] == champion), None)
    return table(columns, cells, marked=marked, cls="results")


def dot(policy: str) -> Markup:
    """The policy's colour, as in the pictures."""
    return tag("span", "", cls="dot", style=f"background:{POLICY[policy]}")


def _meaning(shown: Shown) -> str:
    text = (
        "A return is the sum of a game's rewards. Nodes count every operator, feature and "
        "constant of the stored trees. Agreement is the share of held-out recorded states in "
        "which the policy plays what the teacher would, where actions that do the same in this "
        "game count as one; it measures imitation, not skill."
    )
    strict = (shown.result(shown.champion) or {}).get("agreement_same_action")
    if strict is not None:
        text += f" Counting only the very same action, the {NAMES[shown.champion or '']}'s is "
        text += f"{share(strict)}."
    return text


def decision(picture: Path | None) -> Markup:
    """How one decision comes about."""
    if picture is None:
        return Markup("")
    caption = (
        "One step of the episode below. Dark: the features that the formula uses. Red: the action "
        "that wins, and the term that did most for it."
    )
    alt = "Frame, objects, features, values of the trees, action"
    return section("How it decides", figure(picture_of(picture), alt, caption))


def seen(shown: Shown, recording: Recording | None = None) -> Markup:
    """The detector's own picture of what it found, and what each feature says."""
    names = [str(name) for name in shown.features.get("features", [])]
    sample = detector_folder(shown.folders) / "sample.png"
    parts: list[str] = []
    if sample.is_file():
        caption = "A frame of the game and what the detector, which was given no labels, found."
        if from_memory(shown):
            caption = "A frame of the game and the objects that were read from memory."
        parts.append(figure(picture_of(sample), "Detected objects", caption, "sample"))
    if names:
        title = f"It hands {len(names)} numbers to the formula on every step:"
        parts.append(
            tag("div", tag("p", title), feature_table(names, shown, recording), cls="beside")
        )
    return section("What it sees", tag("div", *parts, cls="columns")) if parts else Markup("")


def feature_table(names: Sequence[str], shown: Shown, recording: Recording | None) -> Markup:
    """Each feature, what it says, and its value in the step that is shown."""
    units = shown.features.get("units", {})
    told = any(units.get(name) for name in names)
    rows = [[tag("code", name), *([str(units.get(name, ""))] * told)] for name in names]
    head = ["feature", *(["what it is"] * told)]
    if recording is not None:
        step, record = telling(recording), recording.record
        values = dict(zip(record["features"], record["rows"][step], strict=True))
        head.append(f"in step {step + 1}")
        for row, name in zip(rows, names, strict=True):
            row.append(number(values.get(name), 2))
    return table(head, rows, left=1 + told)


def tree(shown: Shown) -> Markup:
    """The trees drawn: the smallest that has an operator, and the others to unfold."""
    forest = shown.forests.get(shown.champion or "")
    if forest is None or max(forest.sizes) == 1:
        return Markup("")
    size, index = min((size, index) for index, size in enumerate(forest.sizes) if size > 1)
    drawn = draw_tree(forest, index)
    caption = (
        f"The tree of {forest.actions[index]}, {size} nodes, as it is stored. Its value comes out "
        "on the left."
    )
    others = [
        figure(draw_tree(forest, other), f"Tree of {action}", f"The tree of {action}.", "tree")
        for other, action in enumerate(forest.actions)
        if other != index and 1 < forest.sizes[other] <= LARGEST_TREE
    ]
    return section(
        "Its trees",
        figure(drawn, f"Tree of {forest.actions[index]}", caption, "tree"),
        details("The other trees", *others) if others else "",
    )


def learning(shown: Shown) -> Markup:
    """Learning curves, and the validation that chose the champion."""
    parts: list[str] = []
    drawn = plots.curves(shown)
    if drawn is not None:
        caption = (
            "Returns during training, which are not test results: the games differ, actions may "
            "be sampled and games cut."
        )
        parts.append(figure(drawn, "Learning curves", caption))
    rows = read_csv(shown.folders["finetune"] / "validation.csv")
    if rows:
        parts += [tag("h3", "Chosen on validation"), validation_table(rows)]
        text = (
            "All candidates played the first validation episodes, which are not the test's, the "
            "better ones more of them, the best all. Of those that played all, the smallest that "
            "is as good as the best (within a quarter of its standard error) is the formula of "
            "this page."
        )
        parts.append(tag("p", text, cls="note"))
    return section("How it was learnt", *parts) if parts else Markup("")


def front(shown: Shown) -> Markup:
    """Return against size of what the search tried."""
    drawn = plots.front(shown)
    if drawn is None:
        return Markup("")
    caption = (
        "Validation returns against the nodes of all trees, with the standard error of the mean; "
        "what was given up early played fewer episodes. "
        "The line joins those of all episodes that nothing smaller beats; the diamond is the "
        "formula of this page."
    )
    return section("How small it can be", figure(drawn, "Return against size", caption))


def validation_table(rows: list[dict[str, str]]) -> Markup:
    means = [float(row["mean"]) for row in rows]
    cells = [
        [
            row["source"],
            number(mean),
            number(float(row["standard_error"])) if row.get("standard_error") else DASH,
            row.get("episodes", DASH),
            row.get("size", DASH),
        ]
        for row, mean in zip(rows, means, strict=True)
    ]
    head = ["candidate", "mean", "standard error", "episodes", "nodes"]
    champion = next((i for i, row in enumerate(rows) if row.get("champion") == "True"), None)
    return table(head, cells, marked=champion)


def reproduce(shown: Shown) -> Markup:
    versions: dict[str, str] = {}
    commits = {made.git for made in shown.built.values() if made.git}
    for made in shown.built.values():
        versions |= made.packages
    code = ", ".join(sorted(commits)) or "unknown"
    return section(
        "How to make it again",
        tag("pre", command(shown.config), cls="wrap"),
        tag("p", f"Code: commit {code} (a + means files differed from it).", cls="note"),
        details("Every setting that any stage read", tag("pre", _settings(shown))),
        details(
            "Versions of the packages",
            table(["package", "version"], [[k, v] for k, v in sorted(versions.items())], left=2),
        ),
    )


def _settings(shown: Shown) -> str:
    return json.dumps(shown.config, indent=2, sort_keys=True, ensure_ascii=False)


def _mean(row: Row | None) -> str:
    return DASH if row is None else number(row["mean"])


def draw_tree(forest: Forest, index: int) -> str:
    """One tree as a data URI."""
    from diffses.report.tree_figure import draw

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.svg"
        draw(forest.trees[index], forest.features, path)
        return picture_of(path)
