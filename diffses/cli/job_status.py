"""`status.json`: the state of one job, for the summary of a sweep."""

from __future__ import annotations

import json
import time
import traceback
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from diffses.cli.hydra_errors import explain
from diffses.config import store_folder
from diffses.errors import DiffsesError
from diffses.pipeline import Step
from diffses.store.store import atomic_write


class Status:
    """`status.json` in a job's folder: running, done, failed or interrupted, and what it built."""

    def __init__(self, raw: DictConfig) -> None:
        self.folder = Path(HydraConfig.get().runtime.output_dir)
        self.file = self.folder / "status.json"
        self.started = time.time()
        self.content: dict[str, Any] = {
            "status": "running",
            "seed": raw.seed,
            "game": raw.env.get("game", raw.env.get("id")),
            "overrides": list(HydraConfig.get().overrides.task),
            "outputs": str(store_folder(raw.outputs)),
            "artifacts": {},
            "actions": {},
            "error": None,
        }
        self._write()

    def built(self, step: Step) -> None:
        """Records the key of a stage's artifact, and whether it was built or reused."""
        self.content["artifacts"][step.stage.name] = step.spec.key
        self.content["actions"][step.stage.name] = step.action
        self._write()

    def done(self) -> None:
        self.content["status"] = "done"
        self._write()

    def interrupted(self) -> None:
        self.content["status"] = "was interrupted"
        self._write()

    def failed(self, error: BaseException) -> None:
        """Records the error, with its traceback."""
        problem, fix = explain(error)
        trace = "".join(traceback.format_exception(error))
        self.content["status"] = "failed"
        self.content["error"] = {"problem": problem, "fix": fix, "traceback": trace}
        self._write()
        if not isinstance(error, DiffsesError):
            (self.folder / "traceback.txt").write_text(trace)

    def _write(self) -> None:
        self.content["seconds"] = round(time.time() - self.started, 1)
        atomic_write(self.file, json.dumps(self.content, indent=2) + "\n")
