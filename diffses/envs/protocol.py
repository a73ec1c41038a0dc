"""The rules an episode is played by, and the seeds that name episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffses.config import ArcadeEnv
from diffses.seeds import seed_for

if TYPE_CHECKING:
    from diffses.envs.ale import Arcade


@dataclass(frozen=True)
class Protocol:
    """How a game is played. Results of different protocols are never mixed.

    v5: sticky actions (Machado et al. 2018), so every episode seed is another episode.
    v4: no sticky actions; an episode then depends on its opening no-ops alone.
    """

    name: str
    game: str
    frame_skip: int  # console frames in one step
    sticky: float
    noop_max: int
    fire_reset: bool
    max_frames: int

    def open(self) -> Arcade:
        from diffses.envs.ale import Arcade  # which needs this module

        return Arcade(self)

    def noops(self, seed: int) -> int:
        """Opening no-ops, in console frames, of the episode `seed` names: 0 to noop_max - 1."""
        if self.sticky == 0:
            return seed % self.noop_max
        return seed_for(seed, "no-ops") % self.noop_max

    def seeds(self, namespace: str, seed: int, episodes: int) -> list[int]:
        """Episode seeds of one namespace: train, validation or test.

        Without sticky actions there are only `noop_max` different episodes, and each is named
        by its no-ops: all of them are returned, whatever is asked for.
        """
        if self.sticky == 0:
            return list(range(self.noop_max))
        return [seed_for(seed, namespace, episode) for episode in range(episodes)]


def v5(env: ArcadeEnv) -> Protocol:
    """The protocol of search and of the headline result."""
    return Protocol(
        "v5",
        env.game,
        env.frame_skip,
        env.sticky,
        env.noop_max,
        env.fire_reset,
        env.max_frames,
    )


def v4(env: ArcadeEnv) -> Protocol:
    """The same without sticky actions; never used in search."""
    return Protocol(
        "v4", env.game, env.frame_skip, 0.0, env.noop_max, env.fire_reset, env.max_frames
    )
