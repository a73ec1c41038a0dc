"""The site of `make docs`: a strict build, no network, and faults that make it fail."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def build(root, site):
    """Builds the site of a checkout in a folder, as `make docs` does."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_site_builds(tmp_path):
    built = build(ROOT, tmp_path)
    assert built.returncode == 0, built.stderr
    for page in ("index", "method", "champions", "changelog", "reference/diffses/policy/forest"):
        assert (tmp_path / f"{page}.html").is_file(), page
    for module in (ROOT / "diffses" / "envs").glob("[!_]*.py"):
        assert (tmp_path / "reference" / "diffses" / "envs" / f"{module.stem}.html").is_file()
    assert not (tmp_path / "reference" / "diffses" / "play.html").exists()  # an old command
    forest = (tmp_path / "reference" / "diffses" / "policy" / "forest.html").read_text()
    assert 'id="diffses.policy.forest.Forest.choose"' in forest
    settings = (tmp_path / "reference" / "diffses" / "config" / "env.html").read_text()
    assert "Machado et al. 2018" in settings  # the comment beside `sticky`
    loaded = re.compile(r"<(?:script|img|link)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>")
    for page in tmp_path.rglob("*.html"):
        assert loaded.findall(page.read_text(encoding="utf-8")) == [], page


def test_a_broken_link_a_broken_anchor_and_a_page_apart_fail_the_build(tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", root / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, root / name)
    for name in ("diffses", "benchmarks", "CITATION.cff"):
        (root / name).symlink_to(ROOT / name)
    method = root / "docs" / "method.md"
    links = "[page](nowhere.md) [module](../diffses/nowhere.py) [anchor](detector.md#nowhere)"
    method.write_text(f"{method.read_text(encoding='utf-8')}\n{links}\n", encoding="utf-8")
    (root / "docs" / "apart.md").write_text("# In no navigation\n")
    built = build(root, tmp_path / "site")
    assert built.returncode == 1
    warnings = [line for line in built.stderr.splitlines() if "WARNING" in line]
    for fault in ("'nowhere.md'", "'reference/diffses/nowhere.md'", "'detector.md#nowhere'"):
        assert sum(fault in line for line in warnings) == 1, (fault, built.stderr)
    assert "  - apart.md" in built.stderr.splitlines()
    assert len(warnings) == 4, built.stderr
