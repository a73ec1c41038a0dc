"""What each part of the search is worth: variants on equal budgets, side by side.

`python run.py experiment=ablation env=cartpole` plays a sweep of variants and seeds and leaves
`ablation.csv`, `ablation.md` and `ablation.svg` in the sweep's folder;
`python -m diffses.ablation multirun_sweeps/TIME` makes them again.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from diffses.errors import DiffsesError
from diffses.evaluation.statistics import interval
from diffses.sweep import BOOTSTRAP_SEED, CHAMPION, job_folders, read_job

EXPERIMENT = "experiment=ablation"
VARIANTS = {  # finetune=<name>: what the table calls it, in the table's order
    "ablation/full": "full",
    "ablation/no_guidance": "no guidance",
    "ablation/no_gradient": "no gradient",
    "ablation/no_evolution": "no evolution",
    "ablation/random_start": "no distillation (random start)",
    "ablation/linear_start": "linear start",
}
COLUMNS = ("variant", "seeds", "mean", "ci95_low", "ci95_high", "lowest", "highest", "nodes")


def is_ablation(folder: Path) -> bool:
    """Whether the jobs of a sweep say that they belong to an ablation."""
    return any(EXPERIMENT in read_job(job)["overrides"] for job in job_folders(folder))


def table(folder: Path) -> list[dict[str, Any]]:
    """A row for each variant of which a job is done, in the order of `VARIANTS`; where there are
    several games, for each of these in turn.

    A run counts once, with the mean return of its test episodes; the interval is the 95 %
    percentile bootstrap over the runs, and None for a single one.

    Raises:
        DiffsesError: where no job is done.
    """
    done: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for job in map(read_job, job_folders(folder)):
        row = _tested(job)
        if row is not None:
            done.setdefault((str(job["game"]), _variant(job)), []).append(row)
    games = list(dict.fromkeys(game for game, _ in done))
    rows = []
    for game, (variant, name) in product(games, VARIANTS.items()):
        means = [float(row["mean"]) for row in done.get((game, variant), [])]
        if means:
            spread = interval(means, seed=BOOTSTRAP_SEED)
            low, high = spread or (None, None)
            sizes = [row["size"] for row in done[game, variant]]
            rows.append(
                {
                    "variant": name if len(games) == 1 else f"{game}: {name}",
                    "seeds": len(means),
                    "mean": float(np.mean(means)),
                    "ci95_low": low,
                    "ci95_high": high,
                    "lowest": min(means),
                    "highest": max(means),
                    "nodes": float(np.median(sizes)),
                }
            )
    if not rows:
        raise DiffsesError(
            f"no job of an ablation in {folder} is done",
            fix="python run.py experiment=ablation env=<name>",
        )
    return rows


def write(folder: Path) -> str:
    """Writes the three files into the sweep's folder. Returns the table as Markdown."""
    rows = table(folder)
    with (folder / "ablation.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    text = markdown(rows)
    (folder / "ablation.md").write_text(text, encoding="utf-8")
    draw(rows, folder / "ablation.svg")
    return text


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| variant | mean test return | 95 % over seeds | lowest to highest | seeds | nodes |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        known = row["ci95_low"] is not None
        spread = f"{row['ci95_low']:.1f} to {row['ci95_high']:.1f}" if known else "-"
        lines.append(
            f"| {row['variant']} | {row['mean']:.1f} | {spread} | {row['lowest']:.1f} to "
            f"{row['highest']:.1f} | {row['seeds']} | {row['nodes']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The means and their intervals, one line a variant."""
    from diffses.report.plots import drawing
    from diffses.report.style import INK, POLICY, RULE

    with drawing(0.9 + 0.42 * len(rows)) as (figure, (axis,)):
        for place, row in enumerate(rows):
            if row["ci95_low"] is not None:
                ends = [row["ci95_low"], row["ci95_high"]]
                axis.plot(ends, [place, place], color=INK, linewidth=1.6, solid_capstyle="butt")
            axis.plot(row["mean"], place, "D", color=POLICY[CHAMPION], markersize=7)
        axis.set_yticks(range(len(rows)), [row["variant"] for row in rows])
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_xlabel("test return: mean over the searches' seeds, 95 % interval")
        axis.grid(axis="x", color=RULE, linewidth=0.6)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _tested(job: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The champion's test result under the headline protocol."""
    found = (r for r in job["results"] if r["policy"] == CHAMPION and r["protocol"] != "v4")
    return next(found, None)


def _variant(job: Mapping[str, Any]) -> str:
    words = [word for word in job["overrides"] if word.startswith("finetune=")]
    return words[0].partition("=")[2] if words else ""


def main(arguments: Sequence[str]) -> int:
    """`python -m diffses.ablation DIR`."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m diffses.ablation multirun_sweeps/TIME", file=sys.stderr)
        return 2
    try:
        print(write(Path(arguments[0])), end="")
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
