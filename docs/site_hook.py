"""MkDocs hook: the front page, the API reference of every module, and links to the repository.

The front page is README.md. A page links to a file of the repository as it does on GitHub,
`../diffses/seeds.py`. On the site a link to a module leads to its reference page, and any other
file is copied into the site. A link to a file that does not exist stays as it is, and the strict
build fails on it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PACKAGE = "diffses"
REFERENCE = "API reference"  # the title of its section in the navigation
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}  # pages kept outside docs/
OLD = '"""The old form of `python -m diffses'  # begins a module that names a command's new form
LINK = re.compile(r"\]\(\.\./(?P<path>[^)#\s]+)")  # a link out of docs/, without its anchor
FROM_ROOT = re.compile(r"\]\((?!https?:|#)")  # the start of a link of a page outside docs/


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the reference to the navigation, one section a folder of the package."""
    assert config.nav is not None
    config.nav = [*config.nav, {REFERENCE: _navigation(Path(PACKAGE), _root(config))}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages kept outside docs/, a page for each module, and every file that is linked."""
    root = _root(config)
    for source, page in PAGES.items():
        text = FROM_ROOT.sub("](../", (root / source).read_text(encoding="utf-8"))
        content = text.replace("](../docs/", "](")
        files.append(File.generated(config, page, content=content))
    for path in sorted((root / PACKAGE).rglob("*.py")):
        if _documented(path):
            name = _module(path.relative_to(root))
            text = f"# {name}\n\n::: {name}\n"
            files.append(File.generated(config, _page(path.relative_to(root)), content=text))
    for source in sorted(_linked(files, root)):
        files.append(File.generated(config, f"files/{source}", abs_src_path=str(root / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Turns links to files of the repository into links within the site."""
    root = _root(config)
    return LINK.sub(lambda link: f"]({_target(link['path'], root)}", markdown)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _documented(path: Path) -> bool:
    """Whether a module has a page: private ones, `__main__` and old commands have none."""
    if path.read_text(encoding="utf-8").startswith(OLD):
        return False
    return path.name == "__init__.py" or not path.name.startswith("_")


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _page(path: Path) -> str:
    """The page of a module, `reference/diffses/seeds.md`; of a package its folder's index."""
    name = path.with_suffix(".md").as_posix().replace("__init__", "index")
    return f"reference/{name}"


def _navigation(folder: Path, root: Path) -> list[Any]:
    """The pages of a package: its own, its modules by name, then its sub-packages."""
    pages: list[Any] = [_page(folder / "__init__.py")]
    for path in sorted((root / folder).glob("*.py")):
        if _documented(path) and path.name != "__init__.py":
            pages.append({path.stem: _page(path.relative_to(root))})
    for path in sorted((root / folder).iterdir()):
        if (path / "__init__.py").is_file():
            pages.append({path.name: _navigation(path.relative_to(root), root)})
    return pages


def _linked(files: Files, root: Path) -> set[str]:
    """Files of the repository, modules apart, that a page links to."""
    texts = [file.content_string for file in files.documentation_pages()]
    found = {link["path"] for text in texts for link in LINK.finditer(text)}
    others = {path for path in found if not _is_module(path) and (root / path).is_file()}
    return others - set(PAGES)


def _is_module(path: str) -> bool:
    return path.startswith(f"{PACKAGE}/") and path.endswith(".py")


def _target(path: str, root: Path) -> str:
    """What a link to a file of the repository becomes on a page at the top of the site."""
    if path in PAGES:
        return PAGES[path]
    if _is_module(path):
        return _page(Path(path))
    if (root / path / "__init__.py").is_file():
        return _page(Path(path) / "__init__.py")
    return f"files/{path}" if (root / path).is_file() else f"../{path}"
