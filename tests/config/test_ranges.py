"""Every number among the settings has a range, and what is outside of it is refused by name."""

import dataclasses
import math
import typing

import pytest

from diffses.config import VARIANTS, ArcadeEnv, Config, ConfigError, GymnasiumEnv, range_of
from diffses.config.base import MAX_COUNT

SECTIONS = [("", Config)] + [
    (f"{group}.", kind) for group, kinds in VARIANTS.items() for kind in kinds.values()
]


def number_types(hint):
    """{int}, {float}, or neither: the numbers in `int | None`, `list[int]`, `dict[str, float]`."""
    found = {hint} & {int, float}
    return found.union(*map(number_types, typing.get_args(hint)))


def shaped(hint, bad):
    """`bad` as a field of this type holds it."""
    kind = typing.get_origin(hint)
    return [bad] if kind is list else {"crossover": bad} if kind is dict else bad


def numbers():
    """Every field of every variant that holds numbers, as parameters of a test."""
    for prefix, kind in SECTIONS:
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            if number_types(hints[field.name]):
                yield pytest.param(
                    kind, field.name, prefix, hints[field.name], id=f"{kind.__name__}-{field.name}"
                )


def test_numbers_of_every_shape_are_walked_over():
    names = {(one.values[0].__name__, one.values[1]) for one in numbers()}
    assert {
        ("Config", "seed"),
        ("PpoTeacher", "ent_coef"),
        ("EvaluationConfig", "max_steps"),  # int | None
        ("PpoObjectsTeacher", "net_arch"),  # list[int]
        ("SearchFinetune", "variation"),  # dict[str, float]
    } <= names


@pytest.mark.parametrize(("kind", "name", "prefix", "hint"), list(numbers()))
def test_what_cannot_work_is_refused_with_the_whole_name(kind, name, prefix, hint):
    limits = range_of(kind, name)
    assert limits is not None, f"{name} is to be declared with `number`"
    bad = [math.nan, math.inf, -math.inf, limits.low if limits.above else limits.low - 1]
    bad += [] if limits.high is None else [limits.high + 1]
    bad += [MAX_COUNT + 1] if int in number_types(hint) else []
    for value in bad:
        with pytest.raises(ConfigError) as refused:
            kind(**{name: shaped(hint, value)})
        assert refused.value.problem.startswith(f"{prefix}{name}"), refused.value.problem
        assert f"={value} is out of range" in refused.value.problem
        assert refused.value.fix.startswith(f"{prefix}{name}"), refused.value.fix


@pytest.mark.parametrize(
    ("override", "fix"),
    [
        ("teacher.ent_coef=nan", "teacher.ent_coef=<0 or more>"),
        ("teacher.clip_range=-1", "teacher.clip_range=<more than 0>"),
        ("teacher.clip_range=0", "teacher.clip_range=<more than 0>"),
        ("teacher.learning_rate=0", "teacher.learning_rate=<a value from 0 to 1, not 0>"),
        ("teacher.final_learning_rate=-1", "teacher.final_learning_rate=<a value from 0 to 1>"),
        ("teacher.checkpoint_every=0", "teacher.checkpoint_every=<1 or more>"),
        ("teacher.gae_lambda=inf", "teacher.gae_lambda=<a value from 0 to 1>"),
        ("teacher.net_arch=[64,0]", "teacher.net_arch=<a value from 1 to 65536>"),
        ("finetune.sigma0=inf", "finetune.sigma0=<1e-06 or more>"),
        ("finetune.variation={hoist:-1}", "finetune.variation.hoist=<0 or more>"),
        ("regressor.parsimony=nan", "regressor.parsimony=<0 or more>"),
        ("dataset.workers=-1", "dataset.workers=<a value from 0 to 1024>"),
    ],
)
def test_a_setting_that_is_typed(config, override, fix):
    with pytest.raises(ConfigError, match="is out of range") as refused:
        config("teacher=ppo_objects", override)
    assert refused.value.fix == fix


def test_numbers_for_an_environment_are_finite_however_deep():
    with pytest.raises(ConfigError) as refused:
        GymnasiumEnv(options={"wind": {"powers": [1, math.nan]}})
    assert refused.value.problem == "env.options.wind.powers=nan is not finite"


def test_the_limits_themselves_are_accepted():
    assert ArcadeEnv(frame_skip=60, sticky=1).frame_skip == 60
