"""The `advantages` stage: where it matters what one does, measured around a base policy."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from diffses.advantages.arms import Arms, box_arms, discrete_arms
from diffses.advantages.estimate import Advantages, estimate_advantages
from diffses.advantages.rollouts import EpisodeLabels
from diffses.advantages.statistics import label_statistics
from diffses.agents.forest_agent import ForestSpec
from diffses.config import AdvantagesConfig, EnvConfig
from diffses.dataset.data import Dataset
from diffses.envs.registry import search_protocol
from diffses.logger import log as log_metrics
from diffses.logger.progress import Bar
from diffses.policy.forest import Forest
from diffses.regressor import fit_linear
from diffses.report.advantages import draw_states
from diffses.seeds import seed_for
from diffses.store import Workspace
from diffses.teacher.agent import TeacherSpec


def measure_advantages(
    env: EnvConfig,
    advantages: AdvantagesConfig,
    *,
    inputs: Mapping[str, Path],
    workspace: Workspace,
) -> None:
    """Writes `advantages.npz`, `advantages.json` (statistics), `base.json` and `states.png`.

    The base policy is the linear student: the least-squares fit to the teacher's scores.

    Args:
        inputs: the folders of the artifacts: detector, teacher, dataset.

    Raises:
        DiffsesError: if its episodes end before there is a state to label.
    """
    data = Dataset.open(inputs["dataset"])
    student = fit_linear(
        data.train.features,
        data.layout.targets(data.train.logits),
        data.layout.template(data.train),
    )
    base = ForestSpec(student, str(inputs["detector"]))
    arms = arms_of(data, inputs["detector"], advantages.nudge)
    if advantages.teacher_arm:
        teacher = TeacherSpec.of(inputs["teacher"], inputs["detector"])
        arms = arms.with_adviser("teacher", teacher)
    counted = 0
    with Bar(advantages.states, "state", "advantages") as progress:

        def show(episode: EpisodeLabels) -> None:
            nonlocal counted
            counted += episode.steps
            progress.update(len(episode.rows), steps=counted)

        found = estimate_advantages(
            base,
            search_protocol(env),
            arms,
            advantages,
            seed_for(advantages.seed, "linear"),
            scratch=workspace.scratch,
            progress=show,
        )
    write(workspace.out, found, student)


def write(folder: Path, found: Advantages, student: Forest) -> None:
    """Writes the files of the artifact."""
    found.save(folder / "advantages.npz")
    student.save(folder / "base.json")
    statistics = dataclasses.asdict(label_statistics(found))
    told = {name: value for name, value in statistics.items() if value is not None}
    log_metrics("advantages", told, found.steps, "steps")
    about = {"base": "linear", "arms": found.arms, "steps": found.steps, "statistics": statistics}
    text = json.dumps(about, indent=2, allow_nan=False)
    (folder / "advantages.json").write_text(text + "\n")
    draw_states(found, student.features, folder / "states.png")


def arms_of(data: Dataset, detector: Path, nudge: float) -> Arms:
    """An arm for each group of equivalent actions, or two for each dimension of a Box action.

    Args:
        detector: folder of the artifact; it tells what the actions do.
        nudge: of `box_arms`.
    """
    if data.bounds is not None:
        return box_arms(data.actions, data.bounds, nudge)
    about = json.loads((detector / "detector.json").read_text())
    return discrete_arms(data.actions, data.groups, about.get("pushes_of_actions", []))
