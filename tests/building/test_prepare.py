"""What a build is told, and by which names."""

from __future__ import annotations

from dataclasses import fields

from streamcalib.building.options import BuildKeywords, BuildOptions


def test_keywords_are_the_options():
    """``build`` takes every option by the name and type it has in `BuildOptions`, and no other."""
    options = {field.name: field.type for field in fields(BuildOptions)}
    keywords = {name: kind.__forward_arg__ for name, kind in BuildKeywords.__annotations__.items()}
    assert keywords == options
