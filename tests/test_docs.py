"""What README and docs say: examples run, commands compose, files exist, numbers are measured."""

import importlib
import importlib.util
import json
import pkgutil
import re
import shlex
import shutil
import sys

import pytest
from hydra import compose, initialize_config_dir

from diffses.cli.commands import COMMANDS
from diffses.cli.exit_codes import UsageError
from diffses.cli.main import to_config
from diffses.config import VARIANTS, register
from diffses.config.renamed import RENAMED
from diffses.pipeline import order, resolve
from diffses.policy.operators import OPERATORS
from diffses.regressor.search import SEARCHES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
# what stands for something in a command: a name of its kind that there is
PLACEHOLDERS = {"NAME": "pong", "COMMIT": "0" * 40, "FILE.json": "policy.json", "...": ""}


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


@pytest.fixture
def conf(tmp_path):
    """A copy of conf/ with the files that docs/extending.md adds to it."""
    folder = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", folder)
    for path, text in re.findall(
        r"^```yaml\n# (conf/\S+\.yaml)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE
    ):
        assert not (tmp_path / path).exists(), path
        (tmp_path / path).write_text(text)
    return folder


def composed(overrides, conf):
    """The config of a command; of a sweep that of its first job.

    Raises:
        Exception: what Hydra or a setting's own check says of the command.
    """
    said = []
    for override in overrides:
        for placeholder, example in PLACEHOLDERS.items():
            override = re.sub(rf"(?<![\w.]){re.escape(placeholder)}$", example, override)
        if override and not override.startswith(("-", "hydra/")):
            name, _, value = override.partition("=")
            first = value if "[" in value else value.split(",")[0]  # of a sweep's values
            said.append(f"{name}={first}")
    register()
    with initialize_config_dir(version_base="1.3", config_dir=str(conf)):
        return resolve(to_config(compose("config", said)))


@pytest.mark.parametrize(
    ("file", "name"), [("asterix", "asterix"), ("mountain_car", "MountainCar-v0")]
)
def test_a_game(file, name, conf):
    config = composed([f"env={file}", "finetune=none", "stage=detector"], conf)
    assert config.env.name == name
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
def test_the_examples_run(section, tmp_path, conf):
    run(section, tmp_path)
    if section == "A regressor":
        assert composed(["env=pong", "regressor=chance"], conf).regressor.tries == 500


def run_commands(text):
    """The overrides of each `python run.py ...` of a page, as a shell splits them."""
    found = re.findall(r"^(?:\$ )?python run\.py ([^#\n]+)", text, flags=re.MULTILINE)
    found += re.findall(r"`python run\.py ([^`\n]+)`", text)
    return [shlex.split(command) for command in found]


@pytest.mark.parametrize("page", [page for page in PAGES if run_commands(PAGES[page])])
def test_the_commands_of_a_page_compose(page, conf):
    for overrides in run_commands(PAGES[page]):
        config = composed(overrides, conf)
        assert order(config), overrides


def test_a_command_with_an_unknown_setting_does_not_compose(conf):
    with pytest.raises(Exception, match="no_such_setting"):
        composed(["env=pong", "finetune.no_such_setting=1"], conf)


def module_commands(text):
    """The words of each `python -m diffses COMMAND ...` of a page, without its comment."""
    found = re.findall(r"^python -m diffses ([^#\n]+)", text, flags=re.MULTILINE)
    found += re.findall(r"`python -m diffses ([^`\n]+)`", text)
    return [words for found_one in found if (words := found_one.split()) != ["COMMAND"]]


def parsed(command, *arguments):
    """What the parser of a command makes of its arguments.

    Raises:
        UsageError: for an option that there is not, or a value that it does not take.
    """
    return importlib.import_module(COMMANDS[command].module).make_parser().parse_args(arguments)


@pytest.mark.parametrize("page", [page for page in PAGES if module_commands(PAGES[page])])
def test_the_module_commands_of_a_page_parse(page):
    for command, *arguments in module_commands(PAGES[page]):
        if arguments and command != "run":
            parsed(command, *arguments)
        assert command in COMMANDS


def test_every_command_is_documented():
    described = {words[0] for words in module_commands(PAGES["docs/commands.md"])}
    assert described == set(COMMANDS)


def test_a_command_with_an_unknown_option_does_not_parse():
    with pytest.raises(UsageError, match="--nowhere"):
        parsed("play", "pong", "--nowhere", "FILE")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_setting_by_its_old_name(page):
    used = {
        override.partition("=")[0] for command in run_commands(PAGES[page]) for override in command
    }
    used |= set(re.findall(r"`([a-z0-9]+\.[a-z0-9_]+)`", PAGES[page]))
    assert used & set(RENAMED) == set()


def test_readme_has_the_command_lines_people_copy():
    commands = [" ".join(overrides) for overrides in run_commands(PAGES["README.md"])]
    assert "env=pong stage=all" in commands
    assert "env=pong stage=all -m seed=1,2,3" in commands


def missing(text, examples=()):
    """The files of the repository that a page names, in code or as a link, and that do not exist.

    Args:
        examples: files that an example of the page would make.
    """
    named = re.findall(r"`((?:diffses|conf|docs|tests|benchmarks)/[\w./]+\.\w+)`", text)
    return [path for path in named if path not in examples and not (ROOT / path).is_file()]


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page):
    examples = re.findall(r"^# ((?:diffses|conf)/\S+)$", PAGES[page], flags=re.MULTILINE)
    assert missing(PAGES[page], [*examples, "diffses/zoo/ENV.json"]) == []


def test_a_file_that_does_not_exist_is_missing():
    text = "`diffses/nowhere.py`, `diffses/seeds.py` and `conf/env/mine.yaml`"
    assert missing(text, ["conf/env/mine.yaml"]) == ["diffses/nowhere.py"]


@pytest.mark.parametrize("page", PAGES)
def test_names_of_the_package_that_a_page_uses_exist(page):
    made = re.findall(r"^# (diffses/\S+)\.py$", PAGES[page], flags=re.MULTILINE)
    for name in re.findall(r"`(diffses(?:\.\w+)+)`", PAGES[page]):
        if name.replace(".", "/") not in made:
            pkgutil.resolve_name(name)


def anchors(text):
    """What the headings of a page can be linked by, as GitHub and the site make it."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", PAGES["README.md"])
    assert len(links) > 10
    for path, anchor in links:
        assert (ROOT / path).is_file(), path
        assert not anchor or anchor in anchors(PAGES[path]), (path, anchor)


SHIPPED = sorted((ROOT / "diffses" / "zoo").glob("*.json"))


@pytest.mark.parametrize("page", ["README.md", "docs/champions.md"])
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_results_are_those_of_the_shipped_champions(page, path):
    """The row of a champion has its return, with the interval where there is a spread, and its
    episodes."""
    about = json.loads(path.read_text())
    task = about["env"].get("id") or about["env"]["game"].replace("_", " ")
    mean, (low, high) = about["test"]["mean"], about["test"]["ci95"]
    text = f"{mean:.0f}" if low == high else f"{mean:.1f} ({low:.1f} to {high:.1f})"
    cells = text.replace("-", "\N{MINUS SIGN}"), str(about["test"]["episodes"])
    rows = re.findall(r"^\|.*\|$", PAGES[page], flags=re.MULTILINE)
    place = next(i for i, row in enumerate(rows) if task.lower() in row.lower())
    of_task = "".join(rows[place : place + 5])  # Pong's first rows are of other policies
    assert all(re.search(rf"\| {re.escape(cell)}[;\s]", of_task) for cell in cells), cells
