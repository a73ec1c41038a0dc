"""Progress bars with the values that matter beside them.

If stderr is not a terminal (a log file, CI), and in a joblib worker, an occasional line in the
log replaces the bar. `DIFFSES_PROGRESS=0` turns both off, as does `verbosity=quiet`.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm  # type: ignore[import-untyped]

FIRST_SECONDS = 10.0  # until the first line in the log; each further interval doubles
LONGEST_SECONDS = 600.0  # maximum interval between two lines

_log = logging.getLogger(__name__)


class Bar:
    """A progress bar; use as a context manager.

    `with Bar(1000, "step", "finetune") as progress: progress.update(8, ret=3.5)`

    Args:
        total: the count at the end; None if unknown.
        unit: of the count, in the singular, e.g. "step" or "episode".
        description: of the work, e.g. "finetune".
    """

    def __init__(self, total: float | None, unit: str, description: str) -> None:
        self.total, self.unit, self.description = total, unit, description
        self.count = 0.0
        self._values: dict[str, str] = {}
        self._enabled = os.environ.get("DIFFSES_PROGRESS", "1") != "0"
        self._bar: Any = None
        # joblib workers share one terminal, where their bars would overwrite each other
        alone = multiprocessing.current_process().name == "MainProcess"
        if self._enabled and alone and sys.stderr.isatty():
            self._bar = tqdm(
                total=total,
                unit=f" {unit}",
                desc=description,
                dynamic_ncols=True,
                unit_scale=total is None or total >= 10_000,
                leave=False,
            )
        self._start = time.monotonic()
        self._next = self._start + FIRST_SECONDS
        self._wait = FIRST_SECONDS

    def update(self, amount: float = 1, **values: float | str) -> None:
        """Advances by `amount`; `values` are shown beside the bar, e.g. `ret=12.5`."""
        self.count += amount
        self.show(**values)
        if self._bar is not None:
            self._bar.update(amount)

    def show(self, **values: float | str) -> None:
        """Shows values without advancing; values not named stay as they are."""
        for name, value in values.items():
            self._values[name] = f"{value:.4g}" if isinstance(value, float | int) else str(value)
        if self._bar is not None:
            self._bar.set_postfix(self._values, refresh=False)
        elif self._enabled and time.monotonic() >= self._next:
            _log.info("%s", self.line())
            self._wait = min(2 * self._wait, LONGEST_SECONDS)
            self._next = time.monotonic() + self._wait

    def line(self) -> str:
        """The bar as one line of text: "finetune: 300/900 steps (33 %), 120 steps/s, 5 s left"."""
        seconds = time.monotonic() - self._start
        rate = self.count / seconds if seconds > 0 else 0.0
        text = f"{self.description}: {self.count:,.0f}"
        if self.total:
            text += f"/{self.total:,.0f} {self.unit}s ({100 * self.count / self.total:.0f} %)"
        else:
            text += f" {self.unit}s"
        text += f", {rate:,.3g} {self.unit}s/s" if rate < 1000 else f", {rate:,.0f} {self.unit}s/s"
        if self.total and rate:
            text += f", {max(0.0, self.total - self.count) / rate:.0f} s left"
        return ", ".join([text, *(f"{name} {value}" for name, value in self._values.items())])

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
