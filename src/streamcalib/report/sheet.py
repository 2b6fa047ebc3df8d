"""The contact sheet's rows as the page's program reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.recipe import Recipe
    from streamcalib.report.survey import ShownRow
    from streamcalib.report.thumbnails import Thumbnails

_MOST_CHARACTERS = 100
_MOST_OF_A_PATH = 300
# A file's name whole on every common file system: what a search looks at.
_MOST_OF_A_NAME = 255
_FIELDS = (
    "row",
    "name",
    "path",
    "height",
    "width",
    "bytes",
    "route",
    "padding",
    "edges",
    "crc",
    "brightness",
    "means",
    "classes",
    "marks",
    "fault",
)


def fields() -> tuple[str, ...]:
    """Return the names of a `record`'s values."""
    return _FIELDS


def record(row: ShownRow, names: tuple[str, ...], classes: tuple[str, ...]) -> list[Any]:
    """Return what the page's program needs of a row, in the order of `fields`."""
    facts, measured = row.facts, row.measured
    top, bottom, left, right = facts.padding
    means = zip(names, measured.means, strict=True) if measured else ()
    return [
        facts.row,
        short(facts.path.rpartition("/")[2], _MOST_OF_A_NAME),
        short(facts.path, _MOST_OF_A_PATH),
        facts.height,
        facts.width,
        facts.size_bytes,
        printable(facts.route),
        round(facts.padding_share, 4),
        f"{facts.padding_share:.1%}: {top} above, {bottom} below, {left} left, {right} right",
        printable(facts.checksum),
        None if measured is None else round(measured.brightness, 1),
        ", ".join(f"{name} {mean:.1f}" for name, mean in means),
        short(", ".join(classes)),
        row.marks,
        printable(row.fault),
    ]


def short(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return a name that can be shown, its middle left out if it is long."""
    shown = printable(text)
    if len(shown) <= most:
        return shown
    half = (most - 1) // 2
    return f"{shown[:half]}\N{HORIZONTAL ELLIPSIS}{shown[-half:]}"


def picture_size(thumbnails: Thumbnails, recipe: Recipe) -> dict[str, int]:
    """Return the size at which pictures are made, in pixels."""
    width, height = thumbnails.size(recipe.height, recipe.width)
    return {"width": width, "height": height}
