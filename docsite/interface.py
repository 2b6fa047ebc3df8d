"""The page of the programming interface: every public name, by its docstring."""

from __future__ import annotations

import streamcalib

_FURTHER = ("streamcalib.building.options.BuildOptions", "streamcalib.progress.Progress")


def interface_page() -> str:
    """Return the page, as Markdown for mkdocstrings."""
    lines = [
        "# Python",
        "",
        "Everything here can be imported from `streamcalib`; errors from `streamcalib.errors`.",
        "",
    ]
    for name in sorted(streamcalib.__all__, key=str.lower):
        if not name.startswith("_"):
            lines += [f"::: {_home(name)}", ""]
    lines += ["## Options and progress", ""]
    for path in _FURTHER:
        lines += [f"::: {path}", "    options:", "      heading_level: 3", ""]
    lines += [
        "## Errors",
        "",
        "::: streamcalib.errors",
        "    options:",
        "      heading_level: 3",
        "",
    ]
    return "\n".join(lines)


def _home(name: str) -> str:
    """Return where a public name is defined: the package gives it when it is asked for."""
    found = getattr(streamcalib, name)
    return f"{found.__module__}.{found.__qualname__}"
