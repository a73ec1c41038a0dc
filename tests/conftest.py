"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

ROOT = Path(__file__).parent.parent
os.environ["DIFFSES_ROOT"] = str(ROOT)
os.environ["DIFFSES_PROGRESS"] = "0"

from diffses.cli.main import to_config  # noqa: E402
from diffses.config import register  # noqa: E402
from diffses.envs.ale import AtariProtocol  # noqa: E402

register()


@pytest.fixture
def config(tmp_path):
    """`config("seed=3")` composes conf/ as the command line would, writing under tmp_path."""

    def make(*overrides):
        with initialize_config_dir(version_base="1.3", config_dir=str(ROOT / "conf")):
            raw = compose("config", [f"outputs={tmp_path}", "logger=none", *overrides])
        return to_config(raw)

    return make


@pytest.fixture
def protocol():
    """`protocol("pong", sticky=0.0)`: a protocol, by default with the values of v5."""

    def make(game="pong", sticky=0.25, noop_max=30, fire_reset=True, max_frames=108_000, skip=4):
        return AtariProtocol("v5", game, skip, sticky, noop_max, fire_reset, max_frames)

    return make
