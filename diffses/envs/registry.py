"""The protocols by which an environment is played."""

from __future__ import annotations

from diffses.config import ArcadeEnv, EnvConfig, GymnasiumEnv
from diffses.envs.ale import v4, v5
from diffses.envs.base import EvaluationProtocol
from diffses.envs.gymnasium import gymnasium_protocol


def search_protocol(env: EnvConfig) -> EvaluationProtocol:
    """The protocol of search, validation and the headline result."""
    if isinstance(env, ArcadeEnv):
        return v5(env)
    if isinstance(env, GymnasiumEnv):
        return gymnasium_protocol(env)
    raise TypeError(f"no protocol for {type(env).__name__}")


def evaluation_protocols(env: EnvConfig, also_v4: bool) -> list[EvaluationProtocol]:
    """The protocols under which policies are tested, the headline's first.

    Args:
        also_v4: for Atari games, also test without sticky actions.
    """
    if isinstance(env, ArcadeEnv) and also_v4:
        return [v5(env), v4(env)]
    return [search_protocol(env)]
