"""What is in a key, and what is not."""

import dataclasses
import subprocess
import sys

import pytest

from diffses.config import VARIANTS, Config
from diffses.errors import ConfigError
from diffses.store.keys import Spec, canonical, content, is_keyed, unkeyed


@dataclasses.dataclass
class Settings:
    rate: float = 0.1
    steps: int = 10
    device: str = unkeyed("cpu")
    path: str | None = content(None)


@dataclasses.dataclass
class Twin:
    rate: float = 0.1
    steps: int = 10
    path: str | None = content(None)


def spec(settings=None, version=1, parents=None):
    return Spec("teacher", version, {"teacher": settings or Settings()}, parents or {})


def test_a_key_is_pinned():
    # If this fails, every artifact already on disk has just been orphaned: raise LAYOUT on purpose.
    assert spec().key == "710af3d6603211bb"


@pytest.mark.parametrize(
    "other",
    [spec(Settings(rate=0.2)), spec(version=2), spec(parents={"detector": "00"}), spec(Twin())],
    ids=["setting", "version", "parent", "variant"],
)
def test_whatever_changes_the_result_changes_the_key(other):
    assert other.key != spec().key


def test_what_cannot_change_the_result_is_not_in_the_key():
    assert spec(Settings(device="cuda")).key == spec(Settings(device="cpu")).key


def test_a_key_is_the_same_in_another_process():
    code = "from tests.store.test_keys import spec; print(spec().key)"
    keys = {
        subprocess.check_output(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, text=True
        ).strip()
        for seed in ("1", "2")
    }
    assert keys == {spec().key}


def test_a_file_is_keyed_by_its_content(tmp_path):
    for name, text in (("a", "same"), ("b", "same"), ("c", "other")):
        (tmp_path / name).write_text(text)
    a, b, c = (spec(Settings(path=str(tmp_path / name))).key for name in "abc")
    assert a == b != c


def test_a_missing_file_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(ConfigError, match="fix: path="):
        _ = spec(Settings(path=str(tmp_path / "none"))).key


def test_nan_is_refused():
    with pytest.raises(ValueError, match="finite"):
        _ = spec(Settings(rate=float("nan"))).key


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(TypeError, match="no canonical form"):
        canonical({"a": (1, 2)})


# Every field of every schema that is *not* in the key, and every one that names a file. A new field
# that cannot change a result, or that names a file, has to be entered here on purpose.
UNKEYED = {
    "SpaceDetector": {"checkpoint_every", "device", "threads"},
    "PpoTeacher": {"checkpoint_every", "device", "threads"},
    "PpoObjectsTeacher": {"checkpoint_every", "device", "workers"},
    "CheckpointTeacher": {"seed"},
    "HubTeacher": {"seed"},
    "PretrainedTeacher": {"seed"},
    "IdentityDetector": {"seed"},
    "DatasetConfig": {"workers"},
    "GplearnRegressor": {"workers"},
    "OperonRegressor": {"workers"},
    "LinearRegressor": {"workers"},
    "SearchFinetune": {"workers"},
    "DiscoverFinetune": {"workers"},
    "AdvantagesConfig": {"workers"},
    "ZooFinetune": {"workers"},
    "ConstantsFinetune": {"workers"},
    "NoFinetune": {"workers"},
    "EvaluationConfig": {"workers"},
    "WandbLogger": {"mode", "project", "entity"},
    "Config": {"stage", "force", "dry_run", "verbosity", "outputs"},
}
CONTENT = {
    "PpoTeacher": {"start_from"},
    "CheckpointTeacher": {"path"},
    "PretrainedTeacher": {"path"},
    "DatasetConfig": {"import_json"},
    "ZooFinetune": {"path"},
    "SearchFinetune": {"start_from"},
    "MotionDetector": {"recording"},
    "OracleDetector": {"recording"},
    "SpaceDetector": {"recording"},
}


@pytest.mark.parametrize(
    "schema",
    [Config, *(node for variants in VARIANTS.values() for node in variants.values())],
    ids=lambda schema: schema.__name__,
)
def test_every_field_is_known_to_be_keyed_or_not(schema):
    fields = dataclasses.fields(schema)
    name = schema.__name__
    assert {f.name for f in fields if not is_keyed(f)} == UNKEYED.get(name, set())
    assert {f.name for f in fields if f.metadata.get("content")} == CONTENT.get(name, set())
    sections = {f.name for f in fields if f.name in VARIANTS} if schema is Config else set()
    for field in fields:
        if is_keyed(field) and field.name not in sections:
            assert_canonical(field)


def assert_canonical(field):
    """A keyed default has a canonical form, or there is no default."""
    default = field.default
    if default is dataclasses.MISSING:
        default = field.default_factory()
    if not field.metadata.get("content"):
        canonical(default)


def key_of(config, *words):
    return spec(config("env=cartpole", *words).finetune).key


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (["finetune=unguided"], ["finetune=guided", "finetune.guidance=0"]),
        (["finetune=evolution"], ["finetune=guided"]),
        (["finetune=no_evolution"], ["finetune=guided", "finetune.evolution_share=0"]),
        (
            ["finetune=ablation/no_guidance"],
            ["finetune=guided", "finetune.guidance=0", "finetune.gradient=0.1"],
        ),
    ],
)
def test_one_search_has_one_key_whatever_it_is_called(config, one, same):
    assert key_of(config, *one) == key_of(config, *same)


def test_a_setting_that_is_typed_wins_over_the_variants(config):
    typed = config("finetune=evolution", "finetune.gradient=0.2").finetune
    assert typed.gradient == 0.2
    assert key_of(config, "finetune=guided") != key_of(config, "finetune=unguided")
