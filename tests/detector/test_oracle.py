import sys
from types import ModuleType

import numpy as np
import pytest

from diffses.config import ArcadeEnv, OracleDetector
from diffses.detector.base import observe_env
from diffses.detector.loading import open_detector
from diffses.detector.oracle import RamReader, learn_oracle
from diffses.detector.recording import ExplorerSpec, read_recording, record_play, save_recording
from diffses.envs.ale import AtariEnv
from diffses.errors import ArtifactError, ConfigError, DiffsesError
from diffses.report.wording import from_memory, headline, warnings
from diffses.stages.detector import learn_detector
from diffses.store import Store, Workspace

PADDLE, OURS, BALL_X, BALL_Y = 50, 51, 49, 54  # where Pong keeps them in memory


class Thing:
    def __init__(self, category):
        self.category, self.xywh = category, (0, 0, 0, 0)

    def __bool__(self):
        return self.xywh[2] > 0


def pong(things, ram, game, hud):
    """OCAtari's reading of Pong, without its details."""
    if game != "Pong":
        raise AttributeError(game)
    value = ram.astype(int)
    player, ball, enemy = things
    player.xywh = (140, value[OURS] - 13, 4, 15) if value[OURS] else (0, 0, 0, 0)
    ball.xywh = (value[BALL_X] - 49, value[BALL_Y] - 14, 2, 4) if value[BALL_Y] else (0, 0, 0, 0)
    enemy.xywh = (16, value[PADDLE] - 15, 4, 15) if value[PADDLE] else (0, 0, 0, 0)


@pytest.fixture
def ocatari(monkeypatch):
    """A stand-in for the optional package."""
    found = ModuleType("ocatari.ram.extract_ram_info")
    known = {"Pong": {"Player": 1, "Ball": 1, "Enemy": 1}}
    found.get_max_objects = lambda game, hud: known[game]
    found.init_objects = lambda game, hud: [Thing(name) for name in known[game]]
    found.detect_objects_ram = pong
    for name in ("ocatari", "ocatari.ram"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "ocatari.ram.extract_ram_info", found)
    return found


def test_it_reads_memory_and_offers_the_same_interface(ocatari, protocol, tmp_path):
    play = record_play(protocol(), ExplorerSpec(), 400, 0)
    made = learn_oracle("pong", play, OracleDetector())
    assert made.tracker.schema.player == "player"
    assert {"player.y", "ball.x", "ball.y-player.y"} <= set(made.features)
    made.save(tmp_path)
    loaded = open_detector(tmp_path)
    assert loaded.features == made.features
    env = AtariEnv(protocol())
    env.reset(3)
    loaded.reset()
    for _ in range(60):
        row = observe_env(loaded, env)
        env.step(2)
    ram = env.ram()
    row = observe_env(loaded, env)
    # 15 px of the paddle, from 13 above what memory says, in 100 px
    assert row[loaded.features.index("player.y")] == pytest.approx((int(ram[OURS]) - 5.5) / 100)
    assert [loaded.track_names[t] for t in loaded.objects["track"]] == ["player", "enemy"]


def test_it_is_named_an_upper_bound_wherever_it_is_used(ocatari, tmp_path, caplog):
    workspace = Workspace(out=tmp_path, scratch=tmp_path, store=Store(tmp_path))
    settings = OracleDetector(steps=200)
    learn_detector(ArcadeEnv(game="pong"), settings, inputs={}, workspace=workspace)
    assert "upper bound" in caplog.text
    assert "upper bound" in (tmp_path / "detector.json").read_text()
    assert (tmp_path / "sample.png").stat().st_size > 1000


def test_the_report_says_so(shown_by):
    shown = shown_by({"kind": "oracle"})
    assert from_memory(shown)
    assert headline("pong", shown).startswith("From memory (an upper bound), a formula")
    assert "upper bound" in warnings(shown)[0]
    shown = shown_by({"kind": "motion"})
    assert headline("pong", shown).startswith("From pixels, a formula")
    assert not any("upper bound" in text for text in warnings(shown))


@pytest.fixture
def shown_by():
    """What the report reads, with a detector that says this of itself."""

    class Result:
        results, champion, has_frames = (), "finetuned", True

        def __init__(self, features):
            self.features = features

        def result(self, name, protocol="v5"):
            return {"size": 9, "mean": 1.0, "ci95": None, "episodes": 30}

    return Result


def test_without_the_package_it_says_what_to_install(tmp_path):
    workspace = Workspace(out=tmp_path, scratch=tmp_path, store=Store(tmp_path))
    with pytest.raises(ConfigError, match=r"needs OCAtari.*\n  fix: pip install '.\[ocatari\]'"):
        learn_detector(ArcadeEnv(game="pong"), OracleDetector(), inputs={}, workspace=workspace)


def test_what_it_cannot_read_is_an_error_with_a_way_out(ocatari, protocol, tmp_path):
    with pytest.raises(ConfigError, match="does not read klax"):
        RamReader("klax")
    ocatari.detect_objects_ram = lambda *arguments: np.uint8(3) + 300
    with pytest.raises(DiffsesError, match="OverflowError"):
        RamReader("pong").read(np.zeros(128, np.uint8), (210, 160))
    save_recording(record_play(protocol(), ExplorerSpec(), 3, 0), tmp_path / "play.npz", None)
    with pytest.raises(ConfigError, match="does not hold"):
        learn_oracle("pong", read_recording(tmp_path / "play.npz"), OracleDetector())
    (tmp_path / "detector.json").write_text('{"kind": "oracle"}')
    with pytest.raises(ArtifactError, match="no detector"):
        open_detector(tmp_path)
