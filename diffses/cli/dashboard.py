"""`python -m diffses dashboard`: the W&B dashboard that compares seeds, in code.

Metrics are named as `diffses.logger` names them.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

from diffses import logger
from diffses.cli.arguments import CommandParser
from diffses.cli.exit_codes import OK, exit_code
from diffses.config import WandbLogger
from diffses.errors import ConfigError, DiffsesError
from diffses.evaluation.results import CHAMPION

NAME = "diffses: seeds side by side"


def lines(title: str, x: str, *y: str) -> dict[str, Any]:
    """A line plot, a line for each run, and a band around the mean of a group."""
    return {"kind": "lines", "title": title, "x": x, "y": list(y)}


def bars(title: str, *metrics: str) -> dict[str, Any]:
    """A bar for each run's last value."""
    return {"kind": "bars", "title": title, "metrics": list(metrics)}


def scatter(title: str, x: str, y: str) -> dict[str, Any]:
    """A dot for each run's last values."""
    return {"kind": "scatter", "title": title, "x": x, "y": y}


def dashboard() -> dict[str, Any]:
    """The definition: sections of panels, and how runs are grouped."""
    tested = [f"v5/{policy}/mean" for policy in (CHAMPION, "distilled", "linear", "teacher")]
    return {
        "name": NAME,
        "group_by": "Group",  # of a run: the sweep it belongs to
        "sections": [
            {
                "name": "Test returns",
                "panels": [
                    *(bars(f"{name.split('/')[1]}, protocol v5", name) for name in tested),
                    bars("fine-tuned, protocol v4", f"v4/{CHAMPION}/mean"),
                    bars("fine-tuned, control tasks", f"gym/{CHAMPION}/mean"),
                ],
            },
            {
                "name": "Return against size",
                "panels": [
                    scatter("games, protocol v5", f"v5/{CHAMPION}/size", f"v5/{CHAMPION}/mean"),
                    scatter("control tasks", f"gym/{CHAMPION}/size", f"gym/{CHAMPION}/mean"),
                ],
            },
            {
                "name": "Learning",
                "panels": [
                    lines("search: mean of a generation", "finetune/steps", "finetune/mean"),
                    lines("search: best of a generation", "finetune/steps", "finetune/best"),
                    lines("teacher", "teacher/steps", "teacher/return"),
                    lines("hall of fame: agreement", "distill/rank", "distill/held_out_agreement"),
                ],
            },
            {
                "name": "Cost, in seconds",
                "panels": [
                    bars(stage, f"{stage}/seconds")
                    for stage in ("teacher", "dataset", "distill", "finetune", "evaluate")
                ],
            },
        ],
    }


def workspace(definition: dict[str, Any], entity: str, project: str) -> Any:
    """The definition as a workspace of wandb-workspaces.

    Raises:
        ConfigError: where that package is missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its own, of pydantic's first form
            import wandb_workspaces.reports.v2 as wr
            import wandb_workspaces.workspaces as ws
    except ImportError as error:
        raise ConfigError(
            f"the dashboard takes wandb-workspaces: {error}", fix="pip install -e '.[report]'"
        ) from error

    def panel(one: dict[str, Any]) -> Any:
        if one["kind"] == "lines":
            return wr.LinePlot(title=one["title"], x=one["x"], y=one["y"], smoothing_factor=0)
        if one["kind"] == "scatter":
            x, y = (wr.SummaryMetric(one[axis]) for axis in "xy")
            return wr.ScatterPlot(title=one["title"], x=x, y=y)
        return wr.BarPlot(title=one["title"], metrics=one["metrics"])

    sections = [
        ws.Section(name=made["name"], panels=[panel(one) for one in made["panels"]], is_open=True)
        for made in definition["sections"]
    ]
    runs = ws.RunsetSettings(groupby=[ws.Metric(definition["group_by"])])
    return ws.Workspace(
        entity=entity,
        project=project,
        name=definition["name"],
        sections=sections,
        runset_settings=runs,
    )


def push(entity: str | None, project: str) -> str:
    """Saves the dashboard in W&B. Returns its address.

    Raises:
        DiffsesError: without a key or login, or where W&B refuses.
    """
    if not logger.has_login():
        raise DiffsesError(
            "W&B: the dashboard cannot be pushed without a key or login", fix=logger.LOGIN
        )
    made = workspace(dashboard(), entity or logger.default_entity(), project)
    try:
        made.save()
    except Exception as error:
        raise DiffsesError(f"W&B did not take the dashboard: {error}", fix=logger.LOGIN) from error
    return str(made.url)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses dashboard",
        description="The W&B dashboard that compares seeds side by side: `show` prints its "
        "definition as JSON,\n`push` saves it in W&B and prints its address.",
        example="python -m diffses dashboard push --project diffses",
    )
    parser.add_argument("command", nargs="?", choices=["show", "push"], default="show")
    parser.add_argument("--entity", metavar="NAME", help="W&B user or team; your default one")
    parser.add_argument(
        "--project", metavar="NAME", default=WandbLogger().project, help="W&B project"
    )
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    if options.command == "show":
        print(json.dumps(dashboard(), indent=2))
    else:
        print(push(options.entity, options.project))
    return OK
