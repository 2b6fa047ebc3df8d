"""The order of the rooms: an import points downward only."""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import Path

import streamcalib

# From the bottom to the top. Rooms that are not named may stand anywhere that makes no circle.
ORDER = (
    *("errors", "progress", "recipe", "manifest", "images", "pixels", "stores", "plan", "journal"),
    *("readers", "calibset", "finalize", "verify", "choosing", "building", "build", "quantize"),
    *("report", "run", "demo", "cli"),
)


def imports() -> dict[str, set[str]]:
    """Return the rooms that every room imports, those for types alone as well."""
    package = Path(str(files(streamcalib)))
    found: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        imported = found.setdefault(room, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streamcalib."):
                imported.add(str(node.module).split(".")[1])
        imported.discard(room)
    return found


def test_no_room_leads_back_to_itself():
    """Rooms are taken away from the bottom until none is left; a circle would stay."""
    left = imports()
    assert {"cli", "readers", "choosing", "stores"} <= set(left)
    while ready := [room for room, needed in left.items() if not needed & set(left)]:
        for room in ready:
            del left[room]
    assert left == {}


def test_the_named_rooms_stand_in_their_order():
    """None imports one that stands above it."""
    found = imports()
    assert set(ORDER) <= set(found)
    upward = [
        (room, above)
        for number, room in enumerate(ORDER)
        for above in ORDER[number + 1 :]
        if above in found[room]
    ]
    assert upward == []
