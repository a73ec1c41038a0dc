"""A command that fails is not taken for a fast one."""

import pytest

from benchmarks.startup import run
from diffses.errors import DiffsesError


@pytest.mark.slow
def test_a_command_that_fails_is_an_error():
    with pytest.raises(DiffsesError, match=r"fix: python run\.py envv=pong shows all of it"):
        run("envv=pong")
