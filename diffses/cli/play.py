"""`python -m diffses play`: plays a policy, and films it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from diffses.agents.forest_agent import ForestAgent
from diffses.cli.arguments import CommandParser, add_outputs, file, whole
from diffses.cli.exit_codes import OK, exit_code
from diffses.cli.policy_argument import add_policy, policy_of
from diffses.detector.base import AnyDetector, observe_env
from diffses.envs.base import Action, Env
from diffses.envs.registry import search_protocol
from diffses.envs.rollout import Episode, Job, RandomSpec, play_episode
from diffses.errors import ConfigError
from diffses.policy.forest import Forest
from diffses.zoo.champion import Champion
from diffses.zoo.open_policy import detector_of

Watch = Callable[[Env, AnyDetector, np.ndarray], None]


class WatchedAgent(ForestAgent):
    """Plays as the forest does, and calls a function before each step."""

    def __init__(self, forest: Forest, detector: AnyDetector, watch: Watch) -> None:
        super().__init__(forest, detector)
        self._watch = watch

    def act(self, env: Env) -> Action:
        row = observe_env(self._detector, env)
        self._watch(env, self._detector, row)
        return self.choose(row)


def play(
    champion: Champion,
    detector: AnyDetector,
    seed: int,
    episodes: int,
    watch: Watch = lambda env, detector, row: None,
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
            fix="the key of its artifact: python -m diffses store ls",
        )
    protocol = search_protocol(champion.env)
    agent = WatchedAgent(champion.forest, detector, watch)
    env = protocol.make_env()
    played = []
    for number, named in enumerate(protocol.seeds("test", seed, episodes)):
        played.append(play_episode(Job(RandomSpec(), protocol, named), env, agent))
        done = played[-1]
        print(f"episode {number}: return {done.score:g}, {done.steps} steps", flush=True)
    mean = sum(one.score for one in played) / len(played)
    print(f"mean {mean:g} over {len(played)} episodes (protocol {protocol.name})")
    return played


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m diffses play",
        description="Plays test episodes of a policy and prints their returns.",
        example="python -m diffses play pong --episodes 3 --mp4 pong.mp4",
    )
    add_policy(parser)
    parser.add_argument(
        "--episodes", metavar="N", type=whole(1), default=1, help="test episodes to play"
    )
    parser.add_argument(
        "--seed", metavar="N", type=whole(0), default=0, help="of the episodes: evaluation.seed"
    )
    parser.add_argument(
        "--mp4",
        metavar="FILE",
        type=file,
        help="write a video of the episodes, with boxes and values drawn into it",
    )
    add_outputs(parser)
    return parser


@exit_code
def main(arguments: Sequence[str]) -> int:
    options = make_parser().parse_args(arguments)
    champion = policy_of(options)
    detector = detector_of(champion)
    if options.mp4 is None:
        play(champion, detector, options.seed, options.episodes)
    else:
        from diffses.report.video import Film  # loads matplotlib

        with Film(options.mp4, champion.forest) as film:
            play(champion, detector, options.seed, options.episodes, film.add)
        print(f"{options.mp4}: {film.frames} frames")
    return OK
