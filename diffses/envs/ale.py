"""One Atari console: `ALEInterface`, an episode named by its seed, and the two views of a step."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
from ale_py import Action, ALEInterface, LoggerMode, roms

from diffses.envs.base import Bounds
from diffses.envs.protocol import Protocol
from diffses.errors import ConfigError

# ROMs whose games need two players: ale-py registers no environment, and ALE ends the process
FOR_TWO = {"combat", "joust", "maze_craze", "warlords"}
KEPT_STARTS = 256  # system states kept in memory, some 15 kB each
SURE = 1e-12  # chance that the console still repeats the action of the episode before


def games() -> list[str]:
    """The games of ale-py that one player can play, by their ROMs' names."""
    return sorted(set(roms.get_all_rom_ids()) - FOR_TWO)


class Arcade:
    """A console with one game in it.

    `start(seed)` begins the episode that (protocol, seed) names: the same every time, in every
    process. Seeding ALE needs its ROM loaded anew (0.1 s), so the state after the opening no-ops is
    kept, random generator included, and a later start of the same episode takes milliseconds. What
    ALE does not keep is the action that a sticky console may repeat; there it is a no-op.

    The console always runs frame by frame (a step is `frame_skip` frames), since the pixel
    teacher's view is the maximum over the last two frames of a step. This gives the same play as
    ALE's own frame skip, sticky actions included, at 2 % of its speed.
    """

    bounds: Bounds | None = None  # actions are discrete

    def __init__(self, protocol: Protocol) -> None:
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
        self._starts: OrderedDict[int, Any] = OrderedDict()
        self._load(0)
        self.actions: tuple[Action, ...] = tuple(self._ale.getMinimalActionSet())
        self.action_names: tuple[str, ...] = tuple(action.name for action in self.actions)
        height, width = self._ale.getScreenDims()
        self._screen = np.zeros((height, width), np.uint8)
        self._before = np.zeros((height, width), np.uint8)
        self._looks_back = False  # whether anybody asked for `before`
        self._stepped = False  # since the start
        self._grey = np.zeros((2, height, width), np.uint8)
        self.steps = 0  # since the start of the episode
        self.last: int | None = None  # action of the last step
        self.frames = 0

    def _load(self, seed: int) -> None:
        self._ale.setInt("random_seed", seed)
        self._ale.loadROM(self._rom)

    def start(self, seed: int) -> None:
        """Begins the episode `seed` names. seed: 0 to 2**31 - 1."""
        if seed < 0 or seed >= 2**31:
            raise ValueError(f"an episode seed lies in 0..2**31-1, got {seed}")
        if seed in self._starts:
            self._starts.move_to_end(seed)
            self._forget_action()
            self._ale.restoreSystemState(self._starts[seed])
        else:
            self._open(seed)
            self._starts[seed] = self._ale.cloneSystemState()
            if len(self._starts) > KEPT_STARTS:
                self._starts.popitem(last=False)
        if self.protocol.fire_reset and Action.FIRE in self.actions:
            for _ in range(self.protocol.frame_skip):
                self._ale.act(Action.FIRE)
        self.steps = 0
        self.last = None
        self.frames = 0
        self._stepped = False

    def _open(self, seed: int) -> None:
        self._load(seed)
        for _ in range(self.protocol.noops(seed)):
            self._ale.act(Action.NOOP)
            if self._ale.game_over():
                self._ale.reset_game()

    def _forget_action(self) -> None:
        """Makes the no-op what a sticky console would repeat, as it is after the opening."""
        sticky = self.protocol.sticky
        frames = math.ceil(math.log(SURE) / math.log(sticky)) if 0 < sticky < 1 else 1
        for _ in range(frames):
            self._ale.act(Action.NOOP)

    @property
    def over(self) -> bool:
        return bool(self._ale.game_over()) or self.frames >= self.protocol.max_frames

    @property
    def cut(self) -> bool:
        return self.over and not self._ale.game_over()

    @property
    def lives(self) -> int:
        return int(self._ale.lives())

    def step(self, action: int) -> float:
        """Holds `action` (an index into `actions`) for one step; the sum of its rewards."""
        move = self.actions[action]
        reward = 0.0
        skip = self.protocol.frame_skip
        for frame in range(skip):
            if self._looks_back and frame == skip - 1:
                self._ale.getScreen(self._before)
            reward += self._ale.act(move)
        self._count(action)
        return reward

    def step_seen(self, action: int) -> float:
        """`step`, also keeping the last two frames for `grey`."""
        move = self.actions[action]
        reward = 0.0
        skip = self.protocol.frame_skip
        for frame in range(skip):
            if self._looks_back and frame == skip - 1:
                self._ale.getScreen(self._before)
            reward += self._ale.act(move)
            if frame >= skip - 2:
                self._ale.getScreenGrayscale(self._grey[frame - skip])
        if skip == 1:
            self._grey[0] = self._grey[1]
        self._count(action)
        return reward

    def _count(self, action: int) -> None:
        self.last = action
        self.steps += 1
        self.frames += self.protocol.frame_skip
        self._stepped = True

    def look(self) -> None:
        """Makes `grey` show the present frame: for the first view of an episode."""
        self._ale.getScreenGrayscale(self._grey[0])
        self._grey[1] = self._grey[0]

    def screen(self) -> np.ndarray:
        """The present frame as ALE palette indices, uint8 (210, 160); overwritten by the next."""
        self._ale.getScreen(self._screen)
        return self._screen

    def before(self) -> np.ndarray:
        """The frame before the present one, as `screen`; the present one where no step was taken.

        Consoles draw some things in every other frame only, so that of a step's last frames one
        shows them and the other does not. From the first call on it is kept at every step.
        """
        if not (self._looks_back and self._stepped):
            self._looks_back = True
            self._ale.getScreen(self._before)
        return self._before

    def rgb(self) -> np.ndarray:
        """The present frame, uint8 (210, 160, 3)."""
        return np.asarray(self._ale.getScreenRGB())

    def ram(self) -> np.ndarray:
        """The console's memory, uint8 (128,): for the oracle, which is no player of pixels."""
        return np.asarray(self._ale.getRAM())

    def grey(self) -> np.ndarray:
        """The last two frames of the step in grey, uint8 (2, 210, 160)."""
        return self._grey

    def keep(self) -> Any:
        """The state of the console, random generator included, for `restore`."""
        return self._ale.cloneSystemState(), self.steps, self.frames, self.last

    def restore(self, kept: Any) -> None:
        state, self.steps, self.frames, self.last = kept
        self._ale.restoreSystemState(state)
        self._stepped = False
