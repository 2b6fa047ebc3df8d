"""The page: what was found of a set, filled into ``page.html``."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.datafile import to_json
from streamcalib.report import charts
from streamcalib.report.distributions import distributions
from streamcalib.report.marks import MARKS
from streamcalib.report.measuring import channel_names
from streamcalib.report.order import opening
from streamcalib.report.reproduce import reproduce
from streamcalib.report.sheet import fields, picture_size, record, short
from streamcalib.version import __version__
from streamcalib.wording import counted, in_units, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.recipe import Recipe
    from streamcalib.report.classes import Classes
    from streamcalib.report.concerns import Concern
    from streamcalib.report.likeness import Likeness
    from streamcalib.report.order import ReportOrder
    from streamcalib.report.survey import ShownRow, Survey

_MOST_GROUPS, _MOST_OF_A_GROUP = 50, 10
_MOST_FAILURES = 200
_MOST_CLASSES = 24
_CHARACTERS_AT_ONCE = 200


class Page:
    """A page that is ready to be written.

    Parameters
    ----------
    order
        What to show.
    seen
        What was found of the rows.
    found
        Rows that are like another one.
    told
        What there is to know.
    classes
        What the rows show, if that is known.
    """

    def __init__(
        self,
        order: ReportOrder,
        seen: Survey,
        found: Likeness,
        told: list[Concern],
        classes: Classes | None = None,
    ) -> None:
        self._order, self._seen, self._found = order, seen, found
        self._told, self._classes = told, classes

    def parts(self) -> Iterator[str]:
        """Yield the page, piece by piece."""
        # Needed by nobody who writes no page.
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        template = environment.from_string(_resource("page.html"))
        pieces = template.generate(self._values())
        while piece := "".join(islice(pieces, _CHARACTERS_AT_ONCE)):
            yield piece

    def _values(self) -> dict[str, Any]:
        order, seen = self._order, self._seen
        calibration, manifest = order.source, order.source.manifest
        style, script = _resource("page.css"), _resource("page.js")
        damaged = seen.marked.counts.get("damaged", 0)
        return {
            "opening": _markup(opening(order.key if not damaged else "")),
            "style": _markup(style),
            "script": _markup(script),
            "style_hash": _markup(_hash(style)),
            "script_hash": _markup(_hash(script)),
            "name": calibration.path.name,
            "facts": self._facts(),
            "concerns": self._told,
            "marked": seen.marked,
            "damaged": damaged,
            "sheet_note": self._sheet_note(),
            "is_bgr": calibration.recipe.channel_order == "BGR",
            "marks": self._marks_shown(),
            "tiles": self._tiles(),
            "picture": picture_size(seen.thumbnails, calibration.recipe),
            "rows": seen.rows,
            "charts": distributions(seen, calibration.recipe),
            "drawing": {
                "width": charts.WIDTH,
                "height": charts.HEIGHT,
                "left": charts.LEFT,
                "right": charts.WIDTH - charts.RIGHT,
                "bottom": charts.HEIGHT - charts.BOTTOM,
            },
            "classes": self._classes,
            **_class_axis(self._classes),
            "most_classes": _MOST_CLASSES,
            "groups": self._shown_groups(),
            "more_groups": max(0, len(self._found.repeated) - _MOST_GROUPS),
            "pairs": self._shown_pairs(),
            "more_pairs": max(0, len(self._found.alike) - _MOST_GROUPS),
            "is_compared": self._found.is_compared,
            "failures": [
                (failure["path"], failure["reason"])
                for failure in manifest.failures[:_MOST_FAILURES]
            ],
            "more_failures": max(0, len(manifest.failures) - _MOST_FAILURES),
            "steps": reproduce(calibration),
            "manifest": self._manifest(),
            "manifest_note": "The record beside the set, without its records of rows"
            + (" and without bad images." if manifest.failures else "."),
            "made_by": f"Made by streamcalib {__version__}. This file needs no network.",
            "data": _markup(self._data()),
        }

    def _facts(self) -> list[tuple[str, str]]:
        calibration, manifest = self._order.source, self._order.source.manifest
        recipe, images = calibration.recipe, manifest.images
        stored = prod(manifest.shape) * np.dtype(manifest.dtype).itemsize
        observed = manifest.value_range["observed"]
        chosen, made_by = images["chosen"], manifest.versions.get("streamcalib", "?")
        facts = [
            ("Rows", f"{len(calibration):,}, from a list of {images['count']:,}"),
            ("Array", f"{calibration.shape} {calibration.dtype}, {recipe.layout}"),
            ("Recipe", f"{recipe.name}, {recipe.channel_order}, {_placed(recipe)}"),
            ("Encoding", _encoding(recipe)),
            ("Values", f"{observed[0]:.6g} to {observed[1]:.6g}"),
            ("Stored as", f"{manifest.dtype}, {in_units(stored)}"),
            ("Made", f"{manifest.created}, by streamcalib {made_by}"),
            ("Decoder", manifest.decoder),
        ]
        if through := images["through_opencv"]:
            facts.append(("Decoded by OpenCV instead", counted(through, "image")))
        if "seed" in chosen:
            facts.append(("Chosen by", f"{chosen.get('rule')}, seed {chosen['seed']}"))
        return facts

    def _sheet_note(self) -> str:
        order, seen = self._order, self._seen
        order_of_planes = order.source.recipe.channel_order
        note = "The canvases that are in the set, padding and all."
        if order_of_planes == "BGR":
            note += (
                " Their planes are blue, green, red, and are shown so: if colours look right here, "
                "the set is what its recipe says. If the model was trained with red, green, blue, "
                "it sees what the box below shows."
            )
        else:
            note += (
                " Planes 0, 1 and 2 are shown as red, green and blue: wrong colours here are wrong "
                "colours for the network."
            )
        if order.shown < seen.rows:
            note += (
                f" {counted(order.shown, 'row')} of {seen.rows:,} are shown, one of each of as "
                f"many equal stretches, chosen by seed {order.seed}; everything else on this page "
                "is of all rows."
            )
        return note

    def _marks_shown(self) -> list[tuple[str, str]]:
        there = {mark for row in self._seen.shown for mark in row.marks}
        return [(mark, says) for mark, says in MARKS.items() if mark in there]

    def _tiles(self) -> Iterator[dict[str, Any]]:
        for row in self._seen.shown:
            picture = row.picture
            yield {
                "row": row.facts.row,
                "name": short(row.facts.path.rpartition("/")[2]),
                "marks": row.marks,
                "picture": picture and _markup(base64.b64encode(picture).decode()),
            }

    def _shown_groups(self) -> list[dict[str, Any]]:
        paths = self._seen.paths
        return [
            {
                "rows": [{"row": row, "path": paths[row]} for row in group[:_MOST_OF_A_GROUP]],
                "more": max(0, len(group) - _MOST_OF_A_GROUP),
            }
            for group in self._found.repeated[:_MOST_GROUPS]
        ]

    def _shown_pairs(self) -> list[dict[str, Any]]:
        paths = self._seen.paths
        return [
            {"pair": pair, "path": paths[pair.row], "first": paths[pair.first]}
            for pair in self._found.alike[:_MOST_GROUPS]
        ]

    def _manifest(self) -> str:
        values = json.loads(self._order.source.manifest.to_json())
        count = counted(len(self._order.source), "record")
        if isinstance(values["rows"], list):
            values["rows"] = f"{count}, not shown here"
        if values["failures"]:
            values["failures"] = f"{len(values['failures']):,}, listed above"
        return to_json(values)

    def _of(self, row: ShownRow) -> tuple[str, ...]:
        return self._classes.of(row.facts.row) if self._classes else ()

    def _data(self) -> str:
        recipe = self._order.source.recipe
        names = channel_names(recipe)
        size = picture_size(self._seen.thumbnails, recipe)
        text = json.dumps(
            {
                "fields": fields(),
                "rows": [record(row, names, self._of(row)) for row in self._seen.shown],
                "marks": MARKS,
                "picture": f"{size['width']} x {size['height']} at most, of a canvas of "
                f"{recipe.width} x {recipe.height}",
            },
            separators=(",", ":"),
        )
        # So that no name ends the script element that holds it.
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _class_axis(classes: Classes | None) -> dict[str, Any]:
    shares = classes.shares if classes else []
    ends = [end for one in shares for end in (one.share, one.pool or 0.0)]
    return {
        "top_share": max(ends, default=0.0) or 1.0,
        "with_pool": any(one.pool is not None for one in shares),
    }


def _placed(recipe: Recipe) -> str:
    letterboxed = recipe.resize == "letterbox"
    return f"letterbox, padding {recipe.pad_value}" if letterboxed else recipe.resize


def _encoding(recipe: Recipe) -> str:
    """Return what becomes of a value v of a canvas, as a formula."""
    text = "v" if recipe.scale == 1 else f"v / {recipe.scale:g}"
    if any(recipe.mean):
        text = f"{text} - {[round(mean, 6) for mean in recipe.mean]}"
    if set(recipe.std) != {1.0}:
        text = f"({text}) / {[round(std, 6) for std in recipe.std]}"
    return f"{text} as {recipe.dtype}"


def _resource(name: str) -> str:
    return files("streamcalib.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 (of our own files, and of what is escaped already)


def _shown(value: Any) -> Any:
    """Escape what no terminal or page should be given as it is; HTML is escaped after that."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "\n".join(map(printable, value.split("\n")))
    return value
