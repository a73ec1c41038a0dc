"""A setting's old name is answered with its new one."""

import pytest
from hydra.errors import ConfigCompositionException

from diffses.cli.hydra_errors import explain, settings
from diffses.config.renamed import RENAMED
from diffses.errors import ConfigError


def test_only_new_names_are_settings():
    assert set(RENAMED.values()) <= set(settings())
    assert not set(RENAMED) & set(settings())


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_is_refused_with_the_new_one_and_the_value(config, old):
    with pytest.raises(ConfigCompositionException) as refused:
        config("teacher=ppo_objects", f"{old}=3")
    problem, fix = explain(refused.value)
    assert problem == f"the setting {old} is now {RENAMED[old]}"
    assert fix == f"{RENAMED[old]}=3"


def test_an_old_name_that_is_added_is_refused_likewise(config):
    with pytest.raises(ConfigError) as refused:
        config("+teacher.environments=4")
    assert refused.value.problem == "the setting teacher.environments is now teacher.n_envs"
    assert refused.value.fix == "teacher.n_envs=4"
