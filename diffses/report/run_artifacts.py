"""The content of a report, read from the folders of the artifacts it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffses.evaluation.results import Row, main_protocol, read_episodes, read_json, read_results
from diffses.policy.forest import Forest
from diffses.store.manifest import Manifest

# policy -> where its forest may be stored, the first that exists counts
FORESTS = {
    "finetuned": (("finetune", "finetuned.json"),),
    "distilled": (("distill", "distilled.json"), ("finetune", "distilled.json")),
    "linear": (("distill", "linear.json"), ("finetune", "linear.json")),
}


@dataclass(frozen=True)
class Shown:
    """The results, forests and settings of a run."""

    folders: dict[str, Path]
    built: dict[str, Manifest]  # in the order they were built
    results: list[Row]  # of results.json, in the order of the tables
    episodes: list[Row]  # of episodes.csv: policy, protocol, episode, seed, return, steps
    forests: dict[str, Forest]
    features: dict[str, Any]  # detector.json

    @property
    def champion(self) -> str | None:
        """The policy the page is about: the last that the pipeline made."""
        return next((name for name in FORESTS if name in self.forests), None)

    @property
    def config(self) -> dict[str, Any]:
        """All sections of the config that any stage read."""
        merged: dict[str, Any] = {}
        for made in self.built.values():
            merged |= made.config
        return merged

    @property
    def step_limit(self) -> int | None:
        """`evaluation.max_steps`; whether it cut an episode, the results tell (`cut`)."""
        steps = self.config.get("evaluation", {}).get("max_steps")
        return None if steps is None else int(steps)

    @property
    def protocol(self) -> str:
        """The headline's protocol."""
        return main_protocol(self.results)

    @property
    def has_frames(self) -> bool:
        """Whether the observations are frames of a game, not the numbers of a control task."""
        return "id" not in self.config.get("env", {})

    def result(self, policy: str | None, protocol: str | None = None) -> Row | None:
        """A policy's row under a protocol, by default the headline's; None where there is none."""
        protocol = protocol or self.protocol
        rows = (r for r in self.results if (r["policy"], r["protocol"]) == (policy, protocol))
        return next(rows, None)

    def returns(self, policy: str, protocol: str) -> list[float]:
        return [
            row["return"]
            for row in self.episodes
            if (row["policy"], row["protocol"]) == (policy, protocol)
        ]


def read(inputs: Mapping[str, Path]) -> Shown:
    """Reads the artifacts a report is made of.

    Raises:
        ArtifactError: where the evaluation left no results that can be read, or a manifest
            cannot be read.
    """
    built = sorted((Manifest.read(folder) for folder in inputs.values()), key=lambda m: m.started)
    return Shown(
        folders=dict(inputs),
        built={made.stage: made for made in built},
        results=read_results(inputs["evaluate"]),
        episodes=read_episodes(inputs["evaluate"]),
        forests=_forests(inputs),
        features=read_json(detector_folder(inputs) / "detector.json") or {},
    )


def detector_folder(inputs: Mapping[str, Path]) -> Path:
    """The folder of the detector; a shipped champion brings its own."""
    return inputs.get("detector", inputs["finetune"] / "detector")


def _forests(inputs: Mapping[str, Path]) -> dict[str, Forest]:
    found: dict[str, Forest] = {}
    for policy, places in FORESTS.items():
        paths = [inputs[stage] / name for stage, name in places if stage in inputs]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            found[policy] = Forest.load(path)
    return found
