"""A setting's old name is answered with its new one."""

import pytest
from hydra.errors import ConfigCompositionException

from diffses.cli.hydra_errors import explain
from diffses.cli.overrides import declared, mistake
from diffses.config.renamed import RENAMED


def test_only_new_names_are_settings():
    assert set(RENAMED.values()) <= set(declared())
    assert not set(RENAMED) & set(declared())


@pytest.mark.parametrize("old", RENAMED)
@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_an_old_name_is_refused_with_the_new_one_and_the_value(old, sign):
    assert mistake(f"{sign}{old}=3") == (
        f"the setting {old} is now {RENAMED[old]}",
        f"{RENAMED[old]}=3",
    )


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        ("[64, 64]", "'teacher.net_arch=[64, 64]'"),  # as a shell takes it
        ("0.1,0.3", "teacher.net_arch=0.1,0.3"),  # of a sweep
        ('"a b"', "'teacher.net_arch=\"a b\"'"),
    ],
)
def test_the_whole_value_is_kept_as_it_is_typed(value, typed):
    assert mistake(f"teacher.hidden={value}") == (
        "the setting teacher.hidden is now teacher.net_arch",
        typed,
    )


def test_an_old_name_in_a_file_is_renamed_there(config):
    with pytest.raises(ConfigCompositionException) as refused:  # as of a file: past the first check
        config("teacher=ppo_objects", "teacher.total_steps=100")
    problem, fix = explain(refused.value)
    assert problem == "the setting teacher.total_steps is now teacher.total_timesteps"
    assert fix == "write teacher.total_timesteps in the YAML file that sets teacher.total_steps"
