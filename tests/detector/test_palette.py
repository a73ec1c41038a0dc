import numpy as np
import pytest
from ale_py import ALEInterface, LoggerMode, roms

from diffses.detector.palette import PALETTE, recording_indices, to_indices, to_rgb
from diffses.errors import DiffsesError


@pytest.mark.parametrize("game", ["pong", "seaquest", "freeway"])
def test_the_table_is_what_ale_renders(game):
    ALEInterface.setLoggerMode(LoggerMode.Error)
    console = ALEInterface()
    console.setInt("random_seed", 0)
    console.loadROM(roms.get_rom_path(game))
    for action in console.getMinimalActionSet() * 10:
        console.act(action)
    np.testing.assert_array_equal(to_rgb(console.getScreen()), console.getScreenRGB())


def test_every_colour_comes_back():
    indices = np.arange(0, 256, 2, dtype=np.uint8)
    np.testing.assert_array_equal(to_indices(PALETTE[indices]), indices)


def test_a_colour_that_ale_has_not_is_named():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[1, 1] = (1, 2, 3)
    with pytest.raises(DiffsesError, match="#010203"):
        to_indices(picture)


def test_a_recording_in_other_colours_is_numbered():
    # a PAL game: two colours, neither of them in the NTSC table
    frames = np.zeros((2, 1, 2, 3), np.uint8)
    frames[0, 0, 0] = frames[1, 0, 1] = (1, 2, 3)
    frames[0, 0, 1] = frames[1, 0, 0] = (9, 9, 9)
    np.testing.assert_array_equal(recording_indices(frames), [[[0, 1]], [[1, 0]]])


def test_a_photograph_is_refused():
    frames = np.random.default_rng(0).integers(0, 256, (1, 30, 30, 3), dtype=np.uint8)
    with pytest.raises(DiffsesError, match="at most 256"):
        recording_indices(frames)
