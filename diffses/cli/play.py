"""`python -m diffses.play KEY|ENV|FILE.json [--episodes N] [--mp4 FILE]`: watch a policy play."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from diffses.agents.forest_agent import ForestPlayer
from diffses.config import ROOT
from diffses.detector.base import AnyDetector, observe_env
from diffses.envs.base import Console, Move
from diffses.envs.registry import search_rules
from diffses.envs.rollout import Episode, Job, RandomSpec, episode
from diffses.errors import ConfigError, DiffsesError
from diffses.policy.forest import Forest
from diffses.zoo.champion import FOLDER, Champion
from diffses.zoo.open_policy import POLICIES, detector_of, open_policy

Watch = Callable[[Console, AnyDetector, np.ndarray], None]


class WatchedPlayer(ForestPlayer):
    """Plays as the forest does, and shows each step to somebody before it is taken."""

    def __init__(self, forest: Forest, detector: AnyDetector, watch: Watch) -> None:
        super().__init__(forest, detector)
        self._watch = watch

    def act(self, console: Console) -> Move:
        row = observe_env(self._detector, console)
        self._watch(console, self._detector, row)
        return self.choose(row)


def play(
    champion: Champion,
    detector: AnyDetector,
    seed: int,
    episodes: int,
    watch: Watch = lambda console, detector, row: None,
) -> list[Episode]:
    """The test episodes that `evaluation.seed=seed` names, played one after the other and printed.

    Args:
        detector: of `detector_of`.
        watch: called at each step with the console, the detector and its features.

    Raises:
        ConfigError: where what it plays, or what it sees through, is not known.
    """
    if champion.env is None:
        raise ConfigError(
            "what the policy plays is not known",
            fix="the key of its artifact: python -m diffses.store ls",
        )
    rules = search_rules(champion.env)
    player = WatchedPlayer(champion.forest, detector, watch)
    console = rules.open()
    played = []
    for number, named in enumerate(rules.seeds("test", seed, episodes)):
        played.append(episode(Job(RandomSpec(), rules, named), console, player))
        done = played[-1]
        print(f"episode {number}: return {done.score:g}, {done.steps} steps", flush=True)
    mean = sum(one.score for one in played) / len(played)
    print(f"mean {mean:g} over {len(played)} episodes (protocol {rules.name})")
    return played


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m diffses.play", description=__doc__)
    parser.add_argument("policy", help="an artifact's key, a shipped environment, or a forest")
    parser.add_argument("--episodes", type=int, default=1, help="test episodes to play")
    parser.add_argument("--seed", type=int, default=0, help="names the episodes: evaluation.seed")
    parser.add_argument("--mp4", help="a video of the episodes, boxes and values drawn")
    parser.add_argument("--which", choices=POLICIES, help="of a key; the last one made")
    parser.add_argument("--outputs", default=str(ROOT / "outputs"), help="the artifact store")
    parser.add_argument("--zoo", default=str(FOLDER), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.episodes < 1:
            raise ConfigError(f"--episodes {options.episodes}: nothing to play", fix="--episodes 1")
        champion = open_policy(
            options.policy, Path(options.outputs), Path(options.zoo), options.which
        )
        detector = detector_of(champion)
        if options.mp4 is None:
            play(champion, detector, options.seed, options.episodes)
        else:
            from diffses.report.video import Film

            with Film(Path(options.mp4), champion.forest) as film:
                play(champion, detector, options.seed, options.episodes, film.add)
            print(f"{options.mp4}: {film.frames} frames")
    except DiffsesError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    return 0
