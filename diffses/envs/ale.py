"""Atari games in the Arcade Learning Environment (ALE), and the protocols they are played by."""

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
TWO_PLAYER_GAMES = {"combat", "joust", "maze_craze", "warlords"}
CACHED_STARTS = 256  # start states an environment keeps, about 50 kB each with their frames
# Start states are cached only after at least this many opening no-ops. Before that, ALE is in the
# middle of a frame or draws the next one over parts of earlier ones, and its states hold neither
# (found by trying all games).
MIN_CACHED_NOOPS = {
    "amidar": 1,
    "koolaid": 1,
    "qbert": 2,
    "tetris": 2,
    "tic_tac_toe_3d": math.inf,
    "trondead": 1,
    "yars_revenge": math.inf,
}
NEGLIGIBLE = 1e-12  # chance that an action of the previous episode is still repeated


def games() -> list[str]:
    """Names of the ROMs of ale-py that have a one-player mode, in alphabetical order."""
    return sorted(set(roms.get_all_rom_ids()) - TWO_PLAYER_GAMES)


@dataclass(frozen=True)
class AtariProtocol:
    """How episodes of an Atari game are played. Results of different protocols are never mixed.

    v5: sticky actions (Machado et al. 2018), so that every seed gives a different episode.
    v4: no sticky actions; an episode then depends only on its number of opening no-ops.
    """

    name: str
    game: str
    frame_skip: int  # frames in one step
    sticky: float  # probability, in each frame, that the previous action is repeated
    noop_max: int  # an episode starts after 0 to noop_max - 1 no-ops
    fire_reset: bool  # whether FIRE is held for one step at the start, where the game has it
    max_frames: int  # time limit of an episode

    def make_env(self) -> AtariEnv:
        return AtariEnv(self)

    def noops(self, seed: int) -> int:
        """Opening no-ops of an episode, in frames: 0 to noop_max - 1."""
        if self.sticky == 0:
            return seed % self.noop_max
        return seed_for(seed, "no-ops") % self.noop_max

    def seeds(self, namespace: str, seed: int, episodes: int) -> list[int]:
        """Episode seeds of one namespace: train, validation or test.

        Without sticky actions there are only `noop_max` different episodes, whose seed is the
        number of no-ops: all of them are returned, whatever the arguments.
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
    """v5 without sticky actions; never used in search."""
    return AtariProtocol(
        "v4", env.game, env.frame_skip, 0.0, env.noop_max, env.fire_reset, env.max_frames
    )


@dataclass(frozen=True)
class Snapshot:
    """The state of an environment at one step, from `AtariEnv.clone_state`."""

    state: Any  # ALE's system state: emulator, score, random generator; no frame
    machine: Any  # the same without the random generator
    frame: np.ndarray  # the present frame's palette indices, uint8 (210, 160)
    previous: np.ndarray | None  # those of the previous frame, where they are known
    grey: np.ndarray | None  # the step's last two frames, uint8 (2, 210, 160); None before a step
    steps: int  # since the start of the episode
    frames: int
    last_action: int | None


class AtariEnv:
    """One Atari game in the emulator.

    `reset(seed)` starts an episode that depends only on the protocol and the seed, in every
    process. Seeding ALE takes 0.1 s because the ROM must be loaded again. Therefore the state after
    the opening no-ops is cached, random generator included, and a later reset with the same seed
    takes milliseconds. (Seven games load their ROM at some or all resets: see MIN_CACHED_NOOPS.)

    ALE's states lack two things. The first is the action that sticky actions may repeat (see
    `restore_state`); at a reset it is always a no-op. The second is the frame: after a restore ALE
    still shows the last frame it emulated. So each state is kept together with its frame, which is
    shown until the next step.

    The emulator runs frame by frame (a step is `frame_skip` frames), because preprocessing takes
    the maximum of a step's last two frames. The episodes are the same as with ALE's own frame skip,
    sticky actions included, but at 2 % of its speed.
    """

    bounds: Bounds | None = None  # actions are discrete
    restores_by_replay = False

    def __init__(self, protocol: AtariProtocol) -> None:
        if protocol.game not in games():
            known = protocol.game in TWO_PLAYER_GAMES
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
        self._start_states: OrderedDict[int, Snapshot] = OrderedDict()
        self._load(0)
        self.actions: tuple[AleAction, ...] = tuple(self._ale.getMinimalActionSet())
        self.action_names: tuple[str, ...] = tuple(action.name for action in self.actions)
        height, width = self._ale.getScreenDims()
        self._frame = np.zeros((height, width), np.uint8)
        self._previous = np.zeros((height, width), np.uint8)
        self._restored_frame: np.ndarray | None = None  # shown from a restore to the next step
        self._colours = np.zeros((256, 3), np.uint8)  # RGB of each palette index, as snapshots show
        self._greys = np.zeros(256, np.uint8)
        self._known = np.zeros(256, bool)  # palette indices with a colour and a grey above
        self._keeps_previous = False  # from the first call of `previous_frame` on
        self._stepped = False  # in this episode
        self._grey = np.zeros((2, height, width), np.uint8)
        self.steps = 0
        self.last_action: int | None = None
        self.frames = 0  # of the steps of this episode

    def _load(self, seed: int) -> None:
        self._ale.setInt("random_seed", seed)
        self._ale.loadROM(self._rom)

    def reset(self, seed: int) -> None:
        """Starts an episode. seed: 0 to 2**31 - 1."""
        if seed < 0 or seed >= 2**31:
            raise ValueError(f"an episode seed lies in 0..2**31-1, got {seed}")
        if seed in self._start_states:
            self._start_states.move_to_end(seed)
            self._hold(AleAction.NOOP)
            self._restore(self._start_states[seed])
        else:
            self._start_anew(seed)
            self._cache_start(seed)
        if self._presses_fire:
            for _ in range(self.protocol.frame_skip):
                self._ale.act(AleAction.FIRE)
            self._restored_frame = None
        self._repeat_frame()

    def _start_anew(self, seed: int) -> None:
        self._load(seed)
        for _ in range(self.protocol.noops(seed)):
            self._ale.act(AleAction.NOOP)
            if self._ale.game_over():
                self._ale.reset_game()
        self._restored_frame = None
        self._stepped = False
        self.steps = 0
        self.last_action = None
        self.frames = 0

    def _cache_start(self, seed: int) -> None:
        if self.protocol.noops(seed) >= MIN_CACHED_NOOPS.get(self.protocol.game, 0):
            self._start_states[seed] = self.clone_state()
            if len(self._start_states) > CACHED_STARTS:
                self._start_states.popitem(last=False)

    @property
    def _presses_fire(self) -> bool:
        return self.protocol.fire_reset and AleAction.FIRE in self.actions

    def _hold(self, action: AleAction) -> int:
        """Holds an action until it is what sticky actions repeat; returns the number of frames."""
        sticky = self.protocol.sticky
        frames = math.ceil(math.log(NEGLIGIBLE) / math.log(sticky)) if 0 < sticky < 1 else 1
        for _ in range(frames):
            self._ale.act(action)
        return frames

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
            if self._keeps_previous and frame == skip - 1:
                self._read_frame(self._previous)
            reward += self._ale.act(held)
            self._restored_frame = None
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
        if self._restored_frame is None:
            self._ale.getScreenGrayscale(self._grey[0])
        else:
            self._grey[0] = self._greys[self._restored_frame]
        self._grey[1] = self._grey[0]

    def _read_frame(self, out: np.ndarray) -> None:
        """Writes the present frame's palette indices, uint8 (210, 160), into `out`."""
        if self._restored_frame is None:
            self._ale.getScreen(out)
        else:
            out[:] = self._restored_frame

    def observation(self) -> np.ndarray:
        """The present frame as palette indices, uint8 (210, 160); the next step overwrites it."""
        self._read_frame(self._frame)
        return self._frame

    def previous_frame(self) -> np.ndarray:
        """The last frame but one, as `observation`; before the first step, the present frame.

        Games draw some sprites in alternate frames only, so one of a step's last two frames shows
        them and the other does not. From the first call on, this frame is kept at every step.
        """
        if not (self._keeps_previous and self._stepped):
            self._keeps_previous = True
            self._read_frame(self._previous)
        return self._previous

    def rgb(self) -> np.ndarray:
        """The present frame, uint8 (210, 160, 3)."""
        if self._restored_frame is not None:
            return np.asarray(self._colours[self._restored_frame])
        return np.asarray(self._ale.getScreenRGB())

    def draw_from(self, donor: Snapshot) -> None:
        """Goes on with the random generator of another state; the state stays as it is."""
        self.restore_state(self.clone_state(), donor)

    def fingerprint(self) -> bytes:
        """Memory and present frame: where two runs with equal draws of the random generator and
        equal last actions have the same, they are in the same state."""
        return self.ram().tobytes() + self.observation().tobytes()

    def drew_since(self, snapshot: Snapshot) -> bool:
        """Whether chance had a part in the steps since a state."""
        return self.protocol.sticky > 0

    def ram(self) -> np.ndarray:
        """The memory of the game, uint8 (128,), for detector=oracle."""
        return np.asarray(self._ale.getRAM())

    def frame_pair(self) -> np.ndarray:
        """The last two frames in grey, uint8 (2, 210, 160), of `step(..., frame_pair=True)`.

        After a reset, both are the first frame.
        """
        return self._grey

    def clone_state(self) -> Snapshot:
        """The present state, random generator and frames included, for `restore_state`."""
        frame = self.observation().copy()
        if self._restored_frame is None and not self._known[frame].all():  # 1 ms
            self._colours[frame] = self._ale.getScreenRGB()
            self._greys[frame] = self._ale.getScreenGrayscale()
            self._known[frame] = True
        previous = self._previous.copy() if self._keeps_previous and self._stepped else None
        grey = self._grey.copy() if self._stepped else None
        state, machine = self._ale.cloneSystemState(), self._ale.cloneState(include_rng=False)
        steps, frames, last_action = self.steps, self.frames, self.last_action
        return Snapshot(state, machine, frame, previous, grey, steps, frames, last_action)

    def restore_state(self, snapshot: Snapshot, donor: Snapshot | None = None) -> int:
        """Goes back to a state; all frames are shown as they were there.

        ALE's states lack the action that sticky actions may repeat, the last one executed. So the
        last action that was chosen is first held until it is surely executed. The run then goes on
        as it did, unless that action was repeated away in all frames of its own step (`sticky` to
        the power of `frame_skip`: 0.4 % of the states under v5).

        Args:
            donor: a state whose random generator the run goes on with; None: the state's own.

        Returns:
            The steps that were emulated besides, rounded up.
        """
        held = 0 if self.protocol.sticky == 0 else self._hold(self._last_chosen(snapshot))
        self._restore(snapshot, donor)
        return -(-held // self.protocol.frame_skip)

    def _last_chosen(self, snapshot: Snapshot) -> AleAction:
        opening = AleAction.FIRE if self._presses_fire else AleAction.NOOP
        return opening if snapshot.last_action is None else self.actions[snapshot.last_action]

    def _restore(self, snapshot: Snapshot, donor: Snapshot | None = None) -> None:
        self._ale.restoreSystemState(snapshot.state if donor is None else donor.state)
        if donor is not None:
            self._ale.restoreState(snapshot.machine)
        self._restored_frame = snapshot.frame
        self._stepped = snapshot.previous is not None
        if snapshot.previous is not None:
            self._previous[:] = snapshot.previous
        if snapshot.grey is not None:
            self._grey[:] = snapshot.grey
        self.steps, self.frames = snapshot.steps, snapshot.frames
        self.last_action = snapshot.last_action
