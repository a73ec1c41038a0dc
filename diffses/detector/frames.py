"""Recording play for a detector to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffses.config import LearnedDetector
from diffses.envs.arcade import Arcade
from diffses.envs.play import Player
from diffses.envs.protocol import Protocol
from diffses.progress import bar
from diffses.seeds import seed_for

HELD = 12  # steps an exploring player holds an action, at the most


class Explorer:
    """Random actions, each held for 1 to 12 steps: moves about more than a fresh draw a step."""

    sees_motion = False

    def begin(self, console: Arcade, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._left = 0

    def act(self, console: Arcade) -> int:
        if self._left == 0:
            self._left = int(self._random.integers(1, HELD + 1))
            self._action = int(self._random.integers(len(console.actions)))
        self._left -= 1
        return self._action

    def record(self) -> None:
        return None


def record(
    rules: Protocol, settings: LearnedDetector, teacher: Path | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plays `settings.steps` steps, exploring, or as the teacher of an artifact does.

    Returns:
        screens uint8 (n, 210, 160), episode starts bool (n,), actions int16 (n,): the action was
        taken before its screen, and is 0 at a start.
    """
    console = Arcade(rules)
    player: Player = Explorer()
    if teacher is not None:
        from diffses.teacher.agent import TeacherSpec

        player = TeacherSpec(str(teacher)).build(console)
    step = console.step_seen if player.sees_motion else console.step
    screens = np.zeros((settings.steps, 210, 160), np.uint8)
    starts = np.zeros(settings.steps, bool)
    actions = np.zeros(settings.steps, np.int16)
    episode = 0
    with bar(settings.steps, "step", "detector: play") as progress:
        for index in range(settings.steps):
            if index == 0 or console.over:
                seed = seed_for(settings.seed, "detector", episode)
                console.start(seed)
                console.look()
                player.begin(console, seed)
                episode += 1
                starts[index] = True
            else:
                actions[index] = player.act(console)
                step(int(actions[index]))
            screens[index] = console.screen()
            progress.update(1)
    return screens, starts, actions
