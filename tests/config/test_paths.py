"""Settings that are paths: the whole name in every error, and `~` is home."""

import dataclasses
import json
from pathlib import Path

import pytest

from diffses.cli.arguments import path
from diffses.config import VARIANTS, ConfigError, store_folder
from diffses.store.keys import canonical
from tests.conftest import ROOT

FILES = [
    pytest.param(kind, field.name, f"{group}.{field.name}", id=f"{kind.__name__}-{field.name}")
    for group, kinds in VARIANTS.items()
    for kind in kinds.values()
    for field in dataclasses.fields(kind)
    if field.metadata.get("content")
]


@pytest.mark.parametrize(("kind", "field", "name"), FILES)
def test_a_file_that_cannot_be_read_is_refused_with_the_whole_name(
    kind, field, name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for value, problem in (
        ("nothing.zip", f"names a file that does not exist, seen from {tmp_path}"),
        (f"{tmp_path}/nothing.zip", "names a file that does not exist"),
        ("folder", "names a folder, not a file"),
        ("x" * 300, "cannot be read: File name too long"),
    ):
        with pytest.raises(ConfigError) as refused:
            canonical(kind(**{field: value}))
        assert refused.value.problem == f"{name}={value} {problem}"
        assert refused.value.fix == f"{name}=<an existing file>"


@pytest.mark.parametrize(("kind", "field", "name"), FILES)
def test_a_file_below_home_or_below_where_the_user_stands(kind, field, name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("content")
    keys = {json.dumps(canonical(kind(**{field: path}))) for path in ("~/file", "file")}
    assert len(keys) == 1
    assert Path(getattr(kind(**{field: "~/file"}), field)) == tmp_path / "file"


def test_outputs_is_relative_to_the_project_and_may_start_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert store_folder("results") == ROOT / "results"
    assert store_folder("~/results") == tmp_path / "results"
    assert store_folder(f"{tmp_path}/results") == tmp_path / "results"


def test_the_home_of_somebody_who_does_not_exist_is_a_path_like_any_other():
    assert path("~nobody here/a") == Path("~nobody here/a")
    assert store_folder("~nobody here/a") == ROOT / "~nobody here/a"
