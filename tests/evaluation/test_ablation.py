"""The table of an ablation, from the jobs of its sweep."""

import csv
import dataclasses
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from omegaconf import OmegaConf

from diffses.cli.ablation import main
from diffses.config import ROOT, Start
from diffses.errors import DiffsesError
from diffses.evaluation.ablation import VARIANTS, is_ablation, table
from diffses.report.ablation_figure import write
from diffses.store.keys import Spec
from diffses.store.manifest import Manifest

MADE = Manifest(
    **Spec("evaluate", 1, {}, {}).describe(),
    files={},
    started=datetime(2026, 3, 1, tzinfo=UTC),
    seconds=1.0,
    git=None,
    packages={},
)
FOLDERS = {"full": "ablation/full", "no evolution": "ablation/no_evolution"}


@pytest.fixture
def sweep(tmp_path):
    """Two variants, three seeds; one job of the second failed before it was tested."""
    folder, number = tmp_path / "sweep", 0
    returns = {"ablation/full": (490.0, 500.0, 480.0), "ablation/no_evolution": (100.0, 300.0)}
    for variant, means in returns.items():
        for seed in (1, 2, 3):
            job, key = folder / str(number), f"{number:016d}"
            job.mkdir(parents=True)
            words = ["experiment=ablation", f"finetune={variant}", f"seed={seed}"]
            status = {"status": "failed", "seed": seed, "overrides": words, "artifacts": {}}
            if seed <= len(means):
                evaluated = tmp_path / "outputs" / "evaluate" / key
                evaluated.mkdir(parents=True)
                MADE.write(evaluated)
                result = {"policy": "finetuned", "protocol": "gym", "mean": means[seed - 1]}
                (evaluated / "results.json").write_text(json.dumps([result | {"size": 10 + seed}]))
                status |= {"status": "done", "artifacts": {"evaluate": key}}
            status["outputs"] = str(tmp_path / "outputs")
            (job / "status.json").write_text(json.dumps(status))
            number += 1
    return folder


def test_a_run_counts_once_with_its_mean(sweep):
    full, cut = table(sweep)
    assert (full["variant"], full["seeds"], full["mean"]) == ("full", 3, 490.0)
    assert (cut["variant"], cut["seeds"], cut["mean"]) == ("no evolution", 2, 200.0)
    assert 480 <= full["ci95_low"] <= 490 <= full["ci95_high"] <= 500
    assert full["nodes"] == 12


def test_several_games_are_not_averaged(sweep):
    for number in (1, 2):  # of the first variant
        path = sweep / str(number) / "status.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"game": "another"}))
    rows = {row["variant"]: row for row in table(sweep)}
    assert rows["another: full"]["mean"] == 490.0  # 500 and 480
    assert sorted(row["seeds"] for row in rows.values()) == [1, 2, 2]


def test_what_it_leaves(sweep):
    text = write(sweep)
    assert (sweep / "ablation.md").read_text() == text
    assert "| full | 490.0 |" in text
    with (sweep / "ablation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == list(FOLDERS)
    assert np.allclose([float(row["mean"]) for row in rows], [490, 200])
    assert (sweep / "ablation.svg").stat().st_size > 1000
    assert is_ablation(sweep)
    assert main([str(sweep)]) == 0


def test_another_sweep_is_no_ablation(sweep, tmp_path):
    status = json.loads((sweep / "0" / "status.json").read_text())
    other = tmp_path / "other" / "0"
    other.mkdir(parents=True)
    (other / "status.json").write_text(json.dumps(status | {"overrides": [], "artifacts": {}}))
    assert not is_ablation(other.parent)
    with pytest.raises(DiffsesError, match="no job"):
        table(other.parent)


def test_the_variants_differ_from_the_full_one_in_what_their_names_say(config):
    def settings(name):
        words = ("experiment=ablation", "env=cartpole", f"finetune={name}")
        return dataclasses.asdict(config(*words).finetune)

    full = settings("ablation/full")
    assert (full["steps"], full["gradient"], full["guidance"], full["evolution_share"]) == (
        100_000, 0.1, 0.3, 0.1,
    )  # fmt: skip
    changed = {
        name.partition("/")[2]: {k: v for k, v in settings(name).items() if v != full[k]}
        for name in VARIANTS
    }
    assert changed == {
        "full": {},
        "no_guidance": {"guidance": 0.0},
        "no_gradient": {"gradient": 0.0},
        "no_evolution": {"evolution_share": 0.0},
        "random_start": {"starts": [Start.random], "random_starts": 24},
        "linear_start": {"starts": [Start.linear], "max_nodes": 200},
    }


def test_the_experiment_sweeps_every_variant():
    sweep = OmegaConf.load(ROOT / "conf" / "experiment" / "ablation.yaml").hydra.sweeper.params
    assert sweep.finetune.split(",") == list(VARIANTS)
