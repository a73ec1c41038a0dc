"""Recorded play: what a detector learns from.

`python -m diffses record-frames --env GAME --out FILE.npz` writes such a file, and
`detector.recording=FILE.npz` has a detector learn from it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffses.config import LearnedDetector
from diffses.detector.palette import PALETTE, to_indices
from diffses.detector.recording_file import read_arrays, refusal
from diffses.envs.ale import AtariEnv, AtariProtocol
from diffses.envs.rollout import Agent, AgentSpec, stepper
from diffses.errors import ConfigError, DiffsesError
from diffses.logger.progress import Bar
from diffses.seeds import seed_for

log = logging.getLogger("diffses")

MAX_HOLD_STEPS = 12  # steps for which an exploring player repeats an action, at most


@dataclass(frozen=True)
class Outcomes:
    """What the steps of a recording brought."""

    starts: np.ndarray  # bool (n,): an episode begins
    reward: np.ndarray  # float32 (n,): of the step that led to the screen, unclipped
    life_lost: np.ndarray  # bool (n,): that step lost a life


@dataclass(frozen=True)
class Recording:
    """Screens, actions and rewards of play, one row a step."""

    screens: np.ndarray  # uint8 (n, h, w), palette indices
    starts: np.ndarray  # bool (n,): an episode begins
    action_tm1: np.ndarray  # int16 (n,): that led to its screen (rlax: a_tm1); 0 at a start
    ram: np.ndarray | None  # uint8 (n, 128): the console's RAM; None for a file
    palette: np.ndarray  # uint8 (256, 3): the RGB colour of each index; NTSC's if not seen
    before: np.ndarray | None = None  # uint8 (n, h, w): the frame before each screen, if known
    game: str | None = None  # the ROM's name; None for a file that does not say
    reward: np.ndarray | None = None  # of `Outcomes`; None: not known
    life_lost: np.ndarray | None = None  # likewise

    @property
    def frames(self) -> np.ndarray:
        """The screens in colour, uint8 (n, h, w, 3)."""
        return np.asarray(self.palette[self.screens])

    @property
    def outcomes(self) -> Outcomes | None:
        """Rewards and lost lives; None if they are not known."""
        if self.reward is None or self.life_lost is None:
            return None
        return Outcomes(self.starts, self.reward, self.life_lost)


class ExplorerSpec:
    """Random actions, each repeated for 1 to MAX_HOLD_STEPS steps: covers more ground than a new
    action each step."""

    def build(self, env: AtariEnv) -> Agent:
        return Explorer()


class Explorer:
    needs_frame_pair = False

    def reset(self, env: AtariEnv, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._left = 0

    def act(self, env: AtariEnv) -> int:
        if self._left == 0:
            self._left = int(self._random.integers(1, MAX_HOLD_STEPS + 1))
            self._action = int(self._random.integers(len(env.actions)))
        self._left -= 1
        return self._action

    def record(self) -> None:
        return None


def recording_for(
    protocol: AtariProtocol, settings: LearnedDetector, spec: AgentSpec | None = None
) -> Recording:
    """The recording that a detector learns from: a file, or `settings.steps` steps of play.

    Args:
        spec: the policy that plays; None: random actions, each held for a while.

    Raises:
        ConfigError: if the file is no recording, or one of another game.
    """
    if settings.recording is not None:
        recording = read_recording(Path(settings.recording))
        check_game(recording, settings.recording, AtariEnv(protocol))
        return recording
    return record_play(protocol, spec or ExplorerSpec(), settings.steps, settings.seed)


def check_game(recording: Recording, path: str, env: AtariEnv) -> None:
    """Checks that a recording is of this game; warns where the file does not say its game.

    Raises:
        ConfigError: if it is of another game, or its screens or actions are not the game's.
    """
    game, given = env.protocol.game, f"detector.recording={path}"
    fix = f"detector.recording=<a recording of {game}>, or null"
    if recording.game is None:
        log.warning("%s does not say its game; it is taken for one of %s", path, game)
    elif recording.game != game:
        raise ConfigError(f"{given} is a recording of {recording.game}, and env is {game}", fix=fix)
    screen, wanted = recording.screens.shape[1:], env.observation().shape
    if screen != wanted:
        raise ConfigError(f"{given} has screens {screen}, and {game} has {wanted}", fix=fix)
    highest, count = int(recording.action_tm1.max()), len(env.actions)
    if highest >= count:
        raise ConfigError(
            f"{given} has action {highest}, and {game} has 0 to {count - 1} (its minimal set)",
            fix=fix,
        )


def record_play(protocol: AtariProtocol, spec: AgentSpec, steps: int, seed: int) -> Recording:
    """Plays `steps` steps, one episode after the other."""
    env = AtariEnv(protocol)
    agent = spec.build(env)
    step = stepper(env, agent)
    screens = np.zeros((steps, *env.observation().shape), np.uint8)
    before = np.zeros_like(screens)
    starts = np.zeros(steps, bool)
    action_tm1 = np.zeros(steps, np.int16)
    ram = np.zeros((steps, len(env.ram())), np.uint8)
    reward, life_lost = np.zeros(steps, np.float32), np.zeros(steps, bool)
    palette, known = PALETTE.copy(), np.zeros(256, bool)
    episode = 0
    with Bar(steps, "step", "detector: play") as progress:
        for index in range(steps):
            if index == 0 or env.done:
                begin = seed_for(seed, "detector", episode)
                env.reset(begin)
                agent.reset(env, begin)
                episode += 1
                starts[index] = True
            else:
                action_tm1[index] = agent.act(env)
                lives = env.lives
                reward[index] = step(int(action_tm1[index]))
                life_lost[index] = env.lives < lives
            screens[index] = screen = env.observation()
            before[index] = env.previous_frame()
            ram[index] = env.ram()
            fresh = ~known[screen]
            if fresh.any():
                palette[screen[fresh]] = env.rgb()[fresh]
                known[screen[fresh]] = True
            progress.update(1)
    game = protocol.game
    return Recording(screens, starts, action_tm1, ram, palette, before, game, reward, life_lost)


def read_recording(path: Path) -> Recording:
    """Reads a file that `save_recording` wrote; `screens` may be missing if all colours are NTSC's.

    Raises:
        ConfigError: if the file is missing, damaged or lacks an array, if an array has another
            shape or type, or if there are no `screens` and a colour is not in ALE's palette.
    """
    arrays = read_arrays(path)
    frames, screens = arrays["frames"], arrays.get("screens")
    if screens is None:
        try:
            screens = to_indices(frames)
        except DiffsesError as error:
            raise refusal(path, error.problem) from error
    palette = PALETTE.copy()
    palette[screens] = frames
    if not np.array_equal(palette[screens], frames):
        raise refusal(path, "screens are not the palette indices of its frames")
    starts, action_tm1 = arrays["episode_start"].astype(bool), arrays["actions"].astype(np.int16)
    game = str(arrays["game"]) if "game" in arrays else None
    reward, life_lost = arrays.get("reward"), arrays.get("life_lost")
    return Recording(
        screens,
        starts,
        action_tm1,
        None,
        palette,
        arrays.get("before"),
        game,
        None if reward is None else reward.astype(np.float32),
        None if life_lost is None else life_lost.astype(bool),
    )


def save_recording(recording: Recording, path: Path, pictures: Path | None) -> None:
    """Writes the file, and each frame as a picture if `pictures` names a folder."""
    frames = recording.frames
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {name: getattr(recording, name) for name in ("before", "game", "reward", "life_lost")}
    optional: dict[str, Any] = {name: one for name, one in known.items() if one is not None}
    with path.open("wb") as file:  # savez would append .npz to another ending
        np.savez_compressed(
            file,
            frames=frames,
            actions=recording.action_tm1,  # the name in files
            episode_start=recording.starts,
            screens=recording.screens,
            **optional,
        )
    if pictures is not None:
        import cv2  # for pictures alone

        pictures.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames):
            cv2.imwrite(str(pictures / f"{number:06d}.png"), frame[:, :, ::-1])
