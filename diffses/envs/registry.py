"""Which rules an environment is played by."""

from __future__ import annotations

from diffses.config import ArcadeEnv, EnvConfig, GymnasiumEnv
from diffses.envs.ale import v4, v5
from diffses.envs.base import Rules
from diffses.envs.gymnasium import task_rules


def search_rules(env: EnvConfig) -> Rules:
    """The rules of search, validation and the headline result."""
    if isinstance(env, ArcadeEnv):
        return v5(env)
    if isinstance(env, GymnasiumEnv):
        return task_rules(env)
    raise TypeError(f"no rules for {type(env).__name__}")


def rules_of_test(env: EnvConfig, also_v4: bool) -> list[Rules]:
    """The rules under which policies are tested."""
    if isinstance(env, ArcadeEnv) and also_v4:
        return [v5(env), v4(env)]
    return [search_rules(env)]
