"""Which rules an environment is played by."""

from __future__ import annotations

from diffses.config import ArcadeEnv, EnvConfig, GymnasiumEnv
from diffses.envs.ale import v4, v5
from diffses.envs.base import EvaluationProtocol
from diffses.envs.gymnasium import gymnasium_protocol


def search_protocol(env: EnvConfig) -> EvaluationProtocol:
    """The rules of search, validation and the headline result."""
    if isinstance(env, ArcadeEnv):
        return v5(env)
    if isinstance(env, GymnasiumEnv):
        return gymnasium_protocol(env)
    raise TypeError(f"no rules for {type(env).__name__}")


def evaluation_protocols(env: EnvConfig, also_v4: bool) -> list[EvaluationProtocol]:
    """The rules under which policies are tested."""
    if isinstance(env, ArcadeEnv) and also_v4:
        return [v5(env), v4(env)]
    return [search_protocol(env)]
