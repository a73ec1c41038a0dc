"""The file's text is given in full: artifacts on disk must stay readable, byte for byte."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest

from diffses.errors import ArtifactError
from diffses.store import Store
from diffses.store.keys import Spec
from diffses.store.manifest import Manifest, is_artifact, parent_folders

SPEC = Spec("teacher", 3, {"teacher": {"rate": 0.5, "layers": [64]}}, {"detector": "ab12"})
MADE = Manifest(
    **SPEC.describe(),
    files={"policy.zip": "00ff"},
    started=datetime(2026, 3, 1, 9, 30, 0, 123000, tzinfo=UTC),
    seconds=12.5,
    git=None,
    packages={"numpy": "2.4.6"},
)
TEXT = """\
{
  "config": {
    "teacher": {
      "layers": [
        64
      ],
      "rate": 0.5
    }
  },
  "files": {
    "policy.zip": "00ff"
  },
  "git": null,
  "layout": 2,
  "packages": {
    "numpy": "2.4.6"
  },
  "parents": {
    "detector": "ab12"
  },
  "seconds": 12.5,
  "stage": "teacher",
  "started": "2026-03-01T09:30:00.123+00:00",
  "version": 3
}
"""


def test_the_text_of_the_file(tmp_path):
    MADE.write(tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == TEXT.encode()
    assert Manifest.read(tmp_path) == MADE


def test_the_file_keeps_milliseconds(tmp_path):
    exact = MADE.started.replace(microsecond=123_999)
    dataclasses.replace(MADE, started=exact).write(tmp_path)
    assert Manifest.read(tmp_path).started == MADE.started  # the rest is cut off, not rounded


def test_its_key_is_that_of_the_spec(tmp_path):
    MADE.write(tmp_path)
    assert Manifest.read(tmp_path).key == SPEC.key
    assert dataclasses.replace(MADE, seconds=1.0, git="c0ffee").key == SPEC.key
    assert dataclasses.replace(MADE, version=4).key != SPEC.key


def test_the_store_writes_what_the_class_reads(tmp_path):
    path = Store(tmp_path).get_or_build(
        SPEC, lambda workspace: (workspace.out / "a").write_text("x")
    )
    made = Manifest.read(path)
    assert made.describe() == SPEC.describe()
    assert made.key == path.name
    assert list(made.files) == ["a"]


def test_the_folders_of_the_parents(tmp_path):
    folder = tmp_path / "teacher" / SPEC.key
    folder.mkdir(parents=True)
    MADE.write(folder)
    assert parent_folders(folder) == {"detector": tmp_path / "detector" / "ab12"}


def test_a_folder_without_a_manifest_is_no_artifact(tmp_path):
    assert not is_artifact(tmp_path)
    with pytest.raises(ArtifactError, match=r"is no artifact(.|\n)*store ls"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:100],  # cut off by a full disk
        "[]",
        "\udcff",  # not UTF-8
        TEXT.replace('"seconds"', '"second"'),
        TEXT.replace("2026-03-01T", ""),
    ],
    ids=["torn", "list", "bytes", "field", "time"],
)
def test_one_that_cannot_be_read_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ArtifactError, match=rf"manifest.json cannot be.*\n.*rm {tmp_path.name}"):
        Manifest.read(tmp_path)


def test_a_field_of_a_later_version_is_passed_over(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(json.loads(TEXT) | {"host": "a"}))
    assert Manifest.read(tmp_path) == MADE
