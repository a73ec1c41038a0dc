"""Atari games: the rules an episode is played by, and the console that plays it."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from ale_py import Action as AleAction
from ale_py import ALEInterface, LoggerMode, roms

from diffses.config import ArcadeEnv
from diffses.envs.base import Bounds
from diffses.errors import ConfigError
from diffses.seeds import seed_for

# ROMs whose games need two players: ale-py registers no environment, and ALE ends the process
FOR_TWO = {"combat", "joust", "maze_craze", "warlords"}
KEPT_STARTS = 256  # system states kept in memory, with their pictures some 50 kB each
# starts with fewer opening no-ops than this are not kept: ALE then stands within a frame, or draws
# the next one over parts of those before, and its states hold neither (found by trying all games)
UNKEPT = {
    "amidar": 1,
    "koolaid": 1,
    "qbert": 2,
    "tetris": 2,
    "tic_tac_toe_3d": math.inf,
    "trondead": 1,
    "yars_revenge": math.inf,
}
SURE = 1e-12  # chance that the console still repeats the action of the episode before


def games() -> list[str]:
    """The games of ale-py that one player can play, by their ROMs' names."""
    return sorted(set(roms.get_all_rom_ids()) - FOR_TWO)


@dataclass(frozen=True)
class AtariProtocol:
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

    def make_env(self) -> AtariEnv:
        return AtariEnv(self)

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


def v5(env: ArcadeEnv) -> AtariProtocol:
    """The protocol of search and of the headline result."""
    return AtariProtocol(
        "v5",
        env.game,
        env.frame_skip,
        env.sticky,
        env.noop_max,
        env.fire_reset,
        env.max_frames,
    )


def v4(env: ArcadeEnv) -> AtariProtocol:
    """The same without sticky actions; never used in search."""
    return AtariProtocol(
        "v4", env.game, env.frame_skip, 0.0, env.noop_max, env.fire_reset, env.max_frames
    )


@dataclass(frozen=True)
class Snapshot:
    """A console at one step, as `AtariEnv.keep` took it."""

    state: Any  # ALE's system state: the console, the game's rules, the random generator
    screen: np.ndarray  # uint8 (210, 160), which ALE's state does not hold
    before: np.ndarray | None  # the same of the frame before, where that is known
    grey: np.ndarray | None  # uint8 (2, 210, 160); None before the first step
    steps: int
    frames: int
    last_action: int | None


class AtariEnv:
    """A console with one game in it.

    `start(seed)` begins the episode that (protocol, seed) names: the same every time, in every
    process. Seeding ALE needs its ROM loaded anew (0.1 s), so the state after the opening no-ops is
    kept, random generator included, and a later start of the same episode takes milliseconds. Two
    things are not in ALE's states. The action that a sticky console may repeat: there it is a
    no-op. And the picture: ALE shows that of the last frame it emulated, whatever was restored
    since, so a state's own is kept with it and shown until the next step. (Seven games load their
    ROM at some or all starts: see UNKEPT.)

    The console always runs frame by frame (a step is `frame_skip` frames), since the pixel
    teacher's view is the maximum over the last two frames of a step. This gives the same play as
    ALE's own frame skip, sticky actions included, at 2 % of its speed.
    """

    bounds: Bounds | None = None  # actions are discrete

    def __init__(self, protocol: AtariProtocol) -> None:
        if protocol.game not in games():
            known = protocol.game in FOR_TWO
            problem = "has no mode for one player" if known else "is not a game that ale-py has"
            raise ConfigError(
                f"env.game={protocol.game} {problem}",
                fix=f"env.game=<one of {', '.join(games())}>",
            )
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self.protocol = protocol
        self._ale = ALEInterface()
        self._ale.setFloat("repeat_action_probability", protocol.sticky)
        self._ale.setInt("frame_skip", 1)
        rom = roms.get_rom_path(protocol.game)
        assert rom is not None  # it is one of ale-py's
        self._rom = rom
        self._starts: OrderedDict[int, Snapshot] = OrderedDict()
        self._load(0)
        self.actions: tuple[AleAction, ...] = tuple(self._ale.getMinimalActionSet())
        self.action_names: tuple[str, ...] = tuple(action.name for action in self.actions)
        height, width = self._ale.getScreenDims()
        self._screen = np.zeros((height, width), np.uint8)
        self._before = np.zeros((height, width), np.uint8)
        self._restored: np.ndarray | None = None  # the picture, while ALE shows another
        self._colours = np.zeros((256, 3), np.uint8)  # RGB of each palette index seen in a snapshot
        self._greys = np.zeros(256, np.uint8)
        self._looks_back = False  # whether anybody asked for `before`
        self._stepped = False  # since the start
        self._grey = np.zeros((2, height, width), np.uint8)
        self.steps = 0  # since the start of the episode
        self.last_action: int | None = None  # action of the last step
        self.frames = 0

    def _load(self, seed: int) -> None:
        self._ale.setInt("random_seed", seed)
        self._ale.loadROM(self._rom)

    def reset(self, seed: int) -> None:
        """Begins the episode `seed` names. seed: 0 to 2**31 - 1."""
        if seed < 0 or seed >= 2**31:
            raise ValueError(f"an episode seed lies in 0..2**31-1, got {seed}")
        if seed in self._starts:
            self._starts.move_to_end(seed)
            self._forget_action()
            self.restore_state(self._starts[seed])
        else:
            self._open(seed)
            self._keep_start(seed)
        if self.protocol.fire_reset and AleAction.FIRE in self.actions:
            for _ in range(self.protocol.frame_skip):
                self._ale.act(AleAction.FIRE)
            self._restored = None
        self._repeat_frame()

    def _open(self, seed: int) -> None:
        self._load(seed)
        for _ in range(self.protocol.noops(seed)):
            self._ale.act(AleAction.NOOP)
            if self._ale.game_over():
                self._ale.reset_game()
        self._restored = None
        self._stepped = False
        self.steps = 0
        self.last_action = None
        self.frames = 0

    def _keep_start(self, seed: int) -> None:
        if self.protocol.noops(seed) >= UNKEPT.get(self.protocol.game, 0):
            self._starts[seed] = self.clone_state()
            if len(self._starts) > KEPT_STARTS:
                self._starts.popitem(last=False)

    def _forget_action(self) -> None:
        """Makes the no-op what a sticky console would repeat, as it is after the opening."""
        sticky = self.protocol.sticky
        frames = math.ceil(math.log(SURE) / math.log(sticky)) if 0 < sticky < 1 else 1
        for _ in range(frames):
            self._ale.act(AleAction.NOOP)

    @property
    def done(self) -> bool:
        return bool(self._ale.game_over()) or self.frames >= self.protocol.max_frames

    @property
    def truncated(self) -> bool:
        return self.done and not self._ale.game_over()

    @property
    def lives(self) -> int:
        return int(self._ale.lives())

    def step(self, action: int, *, frame_pair: bool = False) -> float:
        """Holds `action` (an index into `actions`) for one step.

        Args:
            frame_pair: also keep the step's last two frames for `frame_pair`; costs some time.

        Returns:
            The sum of the step's rewards, unclipped.
        """
        held = self.actions[action]
        reward = 0.0
        skip = self.protocol.frame_skip
        for frame in range(skip):
            if self._looks_back and frame == skip - 1:
                self._show(self._before)
            reward += self._ale.act(held)
            self._restored = None
            if frame_pair and frame >= skip - 2:
                self._ale.getScreenGrayscale(self._grey[frame - skip])
        if frame_pair and skip == 1:
            self._grey[0] = self._grey[1]
        self._count(action)
        return reward

    def _count(self, action: int) -> None:
        self.last_action = action
        self.steps += 1
        self.frames += self.protocol.frame_skip
        self._stepped = True

    def _repeat_frame(self) -> None:
        """Makes both frames of `frame_pair` the present one, as before an episode's first step."""
        if self._restored is None:
            self._ale.getScreenGrayscale(self._grey[0])
        else:
            self._grey[0] = self._greys[self._restored]
        self._grey[1] = self._grey[0]

    def _show(self, out: np.ndarray) -> None:
        """Writes the present frame's palette indices, uint8 (210, 160)."""
        if self._restored is None:
            self._ale.getScreen(out)
        else:
            out[:] = self._restored

    def observation(self) -> np.ndarray:
        """The present frame as ALE palette indices, uint8 (210, 160); overwritten by the next."""
        self._show(self._screen)
        return self._screen

    def previous_frame(self) -> np.ndarray:
        """The frame before the present one, as `screen`; the present one where no step was taken.

        Consoles draw some things in every other frame only, so that of a step's last frames one
        shows them and the other does not. From the first call on it is kept at every step.
        """
        if not (self._looks_back and self._stepped):
            self._looks_back = True
            self._show(self._before)
        return self._before

    def rgb(self) -> np.ndarray:
        """The present frame, uint8 (210, 160, 3)."""
        if self._restored is not None:
            return np.asarray(self._colours[self._restored])
        return np.asarray(self._ale.getScreenRGB())

    def ram(self) -> np.ndarray:
        """The console's memory, uint8 (128,): for the oracle, which is no player of pixels."""
        return np.asarray(self._ale.getRAM())

    def frame_pair(self) -> np.ndarray:
        """The last two frames of the step in grey, uint8 (2, 210, 160)."""
        return self._grey

    def clone_state(self) -> Snapshot:
        """The present step, random generator and pictures included, for `restore`."""
        screen = self.observation().copy()
        if self._restored is None:
            self._colours[screen] = self._ale.getScreenRGB()
            self._greys[screen] = self._ale.getScreenGrayscale()
        before = self._before.copy() if self._looks_back and self._stepped else None
        grey = self._grey.copy() if self._stepped else None
        state = self._ale.cloneSystemState()
        return Snapshot(state, screen, before, grey, self.steps, self.frames, self.last_action)

    def restore_state(self, kept: Snapshot) -> None:
        """Goes back to a step that was kept; all views show what they showed there.

        The action that a sticky console may repeat in the next frame is the one it executed last,
        not the one it had executed when the step was kept.
        """
        self._ale.restoreSystemState(kept.state)
        self._restored = kept.screen
        self._stepped = kept.before is not None
        if kept.before is not None:
            self._before[:] = kept.before
        if kept.grey is not None:
            self._grey[:] = kept.grey
        self.steps, self.frames, self.last_action = kept.steps, kept.frames, kept.last_action
