"""The `dataset` stage: records the teacher's episodes, or imports a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diffses.agents.forest_agent import detector_at
from diffses.config import DatasetConfig, EnvConfig
from diffses.dataset.dagger import record_rounds
from diffses.dataset.data import Layout, save
from diffses.dataset.json_form import read
from diffses.envs.ale import AtariProtocol
from diffses.envs.equivalent_actions import equivalent_actions
from diffses.envs.registry import search_protocol
from diffses.seeds import seed_for
from diffses.store import Workspace


def record_dataset(
    env: EnvConfig, dataset: DatasetConfig, *, inputs: Mapping[str, Path], workspace: Workspace
) -> None:
    """Writes `dataset.npz` and `dataset.json`.

    Args:
        inputs: the folders of the artifacts: teacher and detector.

    Raises:
        ConfigError: if `dataset.import_json` cannot be imported.
    """
    protocol = search_protocol(env)
    detector = detector_at(str(inputs["detector"]))
    features = tuple(detector.features)
    made = protocol.make_env()
    groups: tuple[tuple[int, ...], ...] = tuple((a,) for a in range(len(made.action_names)))
    if isinstance(protocol, AtariProtocol):
        groups = equivalent_actions(protocol, seed_for(dataset.seed, "effects"))
    layout = Layout(features, made.action_names, groups, made.bounds)
    returns: dict[str, list[float]] = {}
    if dataset.import_json is not None:
        parts = read(Path(dataset.import_json), detector, len(layout.actions), dataset.held_out)
    else:
        parts, returns = record_rounds(protocol, dataset, inputs, layout)
    save(workspace.out, layout, parts, returns, imported=dataset.import_json is not None)
