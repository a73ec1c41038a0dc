"""Training of SPACE on recorded frames, resumable from checkpoints."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from diffses.config import SpaceDetector
from diffses.csv_rows import read_rows, write_rows
from diffses.detector.space.network import SIDE, Schedule, Space, SpaceLoss
from diffses.logger.progress import Bar
from diffses.seeds import seed_for

log = logging.getLogger("diffses")

PRIORS = (0.1, 0.005)  # probability of an object in a cell, before and after annealing
TEMPERATURES = (2.5, 0.5)  # of the relaxed z_pres, likewise
ANNEAL = 0.3  # share of the training over which both are annealed
BACKGROUND_LR_MULTIPLIER = 0.01  # the median frame is nearly right from the start
TERMS = ("total", "reconstruction", "pres", "where", "depth", "what")
LOG_EVERY = 50  # steps between two rows of the curve
SHOWN = 4  # frames in a picture of reconstructions


def resize_frames(frames: np.ndarray) -> Tensor:
    """RGB frames, uint8 (n, h, w, 3), as uint8 (n, 3, SIDE, SIDE)."""
    small = [cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in frames]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous()


def as_input(small: Tensor, device: torch.device) -> Tensor:
    """Frames as the network takes them: float32 in 0..1."""
    return small.to(device).float() / 255


def device_of(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def train(small: Tensor, settings: SpaceDetector, scratch: Path) -> Space:
    """Trains on frames, uint8 (n, 3, SIDE, SIDE), resuming from the checkpoint in `scratch`.

    Leaves `curve.csv` and pictures `reconstruction_<step>.png` there.
    """
    device = device_of(settings.device)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed_for(settings.seed, "space"))
    middle = small[:: max(1, len(small) // 500)].float().median(dim=0).values / 255
    model = Space(middle).to(device)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p is not model.background]},
        {"params": [model.background], "lr": BACKGROUND_LR_MULTIPLIER * settings.learning_rate},
    ]
    optimizer = torch.optim.Adam(groups, lr=settings.learning_rate)
    done, seconds = _resume(model, optimizer, scratch / "checkpoint.pt", device)
    clock = time.monotonic() - seconds
    with Bar(settings.train_steps, "step", "SPACE") as progress:
        progress.update(done)
        for step in range(done, settings.train_steps):
            batch = as_input(small[_rows(len(small), settings, step)], device)
            loss, shown = model(batch, schedule(step / settings.train_steps))
            optimizer.zero_grad()
            loss.total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            progress.update(1, nats=f"{loss.total.item():.0f}")
            last = step + 1 == settings.train_steps
            if (step + 1) % LOG_EVERY == 0 or last:
                _write_row(scratch / "curve.csv", step + 1, loss, time.monotonic() - clock)
            if (step + 1) % settings.checkpoint_every == 0 or last:
                _checkpoint(model, optimizer, step + 1, time.monotonic() - clock, scratch)
                draw_reconstructions(
                    batch[:SHOWN], shown[:SHOWN], scratch / f"reconstruction_{step + 1:06d}.png"
                )
    return model.eval()


def schedule(share: float) -> Schedule:
    """The annealed quantities after `share` of the training, 0 to 1."""
    way = min(1.0, share / ANNEAL)
    temperature = TEMPERATURES[0] + way * (TEMPERATURES[1] - TEMPERATURES[0])
    return Schedule(temperature, PRIORS[0] * (PRIORS[1] / PRIORS[0]) ** way)


def _rows(count: int, settings: SpaceDetector, step: int) -> np.ndarray:
    """The frames of a step's batch; they depend on the seed and the step alone."""
    random = np.random.default_rng(seed_for(settings.seed, "space", step))
    return random.integers(count, size=settings.batch_size)


def _resume(
    model: Space, optimizer: torch.optim.Optimizer, path: Path, device: torch.device
) -> tuple[int, float]:
    """Loads the checkpoint, if any; the steps and seconds done."""
    if not path.is_file():
        return 0, 0.0
    kept = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    torch.set_rng_state(kept["random"].cpu())
    log.info("resuming SPACE at step %d", kept["step"])
    return int(kept["step"]), float(kept["seconds"])


def _checkpoint(
    model: Space, optimizer: torch.optim.Optimizer, step: int, seconds: float, scratch: Path
) -> None:
    kept = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "step": step,
        "seconds": seconds,
    }
    torch.save(kept, scratch / "partial.pt")
    (scratch / "partial.pt").replace(scratch / "checkpoint.pt")


def _write_row(path: Path, step: int, loss: SpaceLoss, seconds: float) -> None:
    """Appends a row to the curve; drops rows from `step` on, of a run that was interrupted."""
    rows = [row for row in read_rows(path, missing_ok=True) if int(row["step"]) < step]
    values = {name: f"{getattr(loss, name).item():.4f}" for name in TERMS}
    rows.append({"step": str(step), "seconds": f"{seconds:.1f}"} | values)
    write_rows(path, rows, ("step", "seconds", *TERMS))


def draw_reconstructions(frames: Tensor, shown: Tensor, path: Path) -> None:
    """Draws frames above their reconstructions."""
    rows = [torch.cat(list(part), dim=2) for part in (frames, shown.detach().clamp(0, 1))]
    picture = torch.cat(rows, dim=1).permute(1, 2, 0).cpu().numpy()
    large = np.repeat(np.repeat((255 * picture).astype(np.uint8), 2, axis=0), 2, axis=1)
    cv2.imwrite(str(path), large[:, :, ::-1])
