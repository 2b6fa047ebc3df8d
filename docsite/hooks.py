"""What MkDocs does beside rendering ``docs/``: pages from the code and from the benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

_TOP = Path(__file__).resolve().parent.parent
# MkDocs loads this file by its path.
sys.path.insert(0, str(_TOP))

from docsite.commands import command_names, command_page, overview  # noqa: E402
from docsite.interface import interface_page  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

_BENCHMARKS = _TOP / "benchmarks"
_OUTSIDE = {
    "../benchmarks/README.md": "benchmarks/index.md",
    "../README.md": "index.md",
}
"""Files beside ``docs/`` that pages link to, and what stands for them in the site."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put what is made from the code into the navigation, and last the pages it does not name."""
    nav: list[Any] = list(config.nav or [])
    named = set(_named(nav))
    others = sorted(path.name for path in Path(config.docs_dir).glob("*.md"))
    commands: list[Any] = [f"commands/{name}.md" for name in command_names()]
    nav.append({"Commands": ["commands/index.md", *commands]})
    nav.append({"Python": "python.md"})
    if missing := [name for name in others if name not in named]:
        nav.append({"More": missing})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, and the benchmarks' page with its results."""
    made = {f"commands/{name}.md": command_page(name) for name in command_names()}
    made["commands/index.md"] = overview()
    made["python.md"] = interface_page()
    benchmarks = (_BENCHMARKS / "README.md").read_text(encoding="utf-8")
    made["benchmarks/index.md"] = benchmarks.replace("](../docs/", "](../")
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    for path in sorted((_BENCHMARKS / "results").iterdir()):
        uri = f"benchmarks/results/{path.name}"
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links that leave ``docs/`` to what stands for their files in the site."""
    if page.file.generated_by is None:
        for outside, inside in _OUTSIDE.items():
            markdown = markdown.replace(f"]({outside}", f"]({inside}")
    return markdown


def _named(nav: Any) -> list[str]:
    """Return the pages that a navigation names, however deep."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [name for part in parts for name in _named(part)]
