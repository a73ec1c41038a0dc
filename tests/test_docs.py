"""The worked examples of docs/extending.md do what the page says."""

import importlib.util
import re
import shutil
import sys

import pytest
from hydra import compose, initialize_config_dir

from diffses.cli.main import typed
from diffses.config import VARIANTS, register
from diffses.pipeline import order, resolve
from diffses.policy.operators import OPERATORS
from diffses.regressor.search import SEARCHES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def blocks(section, language):
    """The code blocks of a section of the page."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE)
    found = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert found, section
    return found


@pytest.fixture
def _put_back():
    kept = [(table, dict(table)) for table in (OPERATORS, SEARCHES, VARIANTS["regressor"])]
    modules = set(sys.modules)
    yield
    for table, content in kept:
        table.clear()
        table.update(content)
    for name in set(sys.modules) - modules:
        if name in ("diffses.regressor.chance", "diffses.detector.light"):
            del sys.modules[name]


def run(section, folder):
    """Runs the Python blocks of a section, one after the other, in one namespace."""
    names = {"__name__": "example"}
    for block in blocks(section, "python"):
        if file := re.match(r"# (diffses/\S+)\.py\n", block):
            path = folder / f"{file[1].replace('/', '_')}.py"
            path.write_text(block)
            spec = importlib.util.spec_from_file_location(file[1].replace("/", "."), path)
            sys.modules[spec.name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[spec.name])
        else:
            sys.modules.setdefault("example", type(sys)("example"))
            exec(compile(block, f"docs/extending.md: {section}", "exec"), names)


def test_a_game(tmp_path):
    conf = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", conf)
    made = []
    for block in blocks("A game", "yaml"):
        path = re.match(r"# (conf/env/\S+\.yaml)\n", block)[1]
        text = block.partition("\n")[2]
        (tmp_path / path).write_text(text)
        made.append((tmp_path / path).stem)
    assert made == ["asterix", "mountain_car"]
    register()
    for name in made:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf)):
            raw = compose("config", [f"env={name}", "finetune=none", "stage=detector"])
        config = resolve(typed(raw))
        assert config.env.name in ("asterix", "MountainCar-v0")
        assert [stage.name for stage in order(config)] == ["detector"]


@pytest.mark.usefixtures("_put_back")
@pytest.mark.parametrize(
    "section",
    [
        pytest.param("An operator", marks=pytest.mark.slow),  # compiles the loops for it
        pytest.param("A regressor", marks=pytest.mark.slow),
        "A detector",
    ],
)
def test_the_examples_run(section, tmp_path):
    run(section, tmp_path)


@pytest.mark.parametrize("page", ["method.md", "artifacts.md", "extending.md"])
def test_lines_are_short_and_files_exist(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 125
    for path in re.findall(r"`(diffses/[\w/]+\.py|conf/[\w/]+\.yaml)`", text):
        assert (ROOT / path).exists() or path in PAGE, path
