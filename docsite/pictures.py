"""The pictures of the concepts, drawn as SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INK, _QUIET, _FRAME = "#1d2b36", "#5b6b78", "#9fb0bd"
_SKY, _SEA, _SUN, _PAD = "#8ec5e8", "#2f6f9f", "#f2b84b", "#727272"
_PAPER, _BOX, _MARK = "#ffffff", "#eef3f7", "#c2410c"


def letterbox() -> str:
    """Return how an image becomes a canvas: scaled, then padded."""
    parts = [
        *_photograph(20, 70, 192, 144),
        _text(116, 245, "image, 640 x 480"),
        _arrow(232, 292, 142, "resize"),
        *_photograph(312, 88, 144, 108),
        _text(384, 245, "scaled by min(H/h, W/w)"),
        _arrow(476, 536, 142, "pad"),
        _box(556, 70, 144, 144, _PAD),
        *_photograph(556, 88, 144, 108),
        _frame(556, 70, 144, 144),
        _text(628, 245, "canvas, H x W, uint8"),
        _text(628, 60, "grey 114 on both sides", small=True),
    ]
    return _picture(720, 38, 262, "An image is resized and padded to the canvas", parts)


def encoding() -> str:
    """Return how a canvas becomes a row: a table of 256 values a channel, then the layout."""
    parts = [
        _box(20, 70, 120, 120, _PAD),
        *_photograph(20, 85, 120, 90),
        _frame(20, 70, 120, 120),
        _text(80, 220, "canvas"),
        _text(80, 238, "0..255, RGB", small=True),
        _arrow(160, 220, 130, "look up"),
        _box(240, 60, 170, 140, _BOX),
        _frame(240, 60, 170, 140),
        *(
            _text(325, 90 + 26 * row, f"{value} → {shown}", mono=True)
            for row, (value, shown) in enumerate(
                ((0, "0.0"), (1, "0.00392157"), (114, "0.44705883"), (255, "1.0"))
            )
        ),
        _text(325, 220, "one table a channel"),
        _text(325, 238, "(v / 255 - mean) / std, 256 entries", small=True),
        _arrow(430, 490, 130, "lay out"),
        *(
            part
            for step, colour in enumerate(("#d9534f", "#4f9d5b", "#3b78c2"))
            for part in (
                _box(510 + 22 * step, 60 + 18 * step, 110, 100, colour),
                _frame(510 + 22 * step, 60 + 18 * step, 110, 100),
            )
        ),
        _text(590, 220, "row, 3 x H x W"),
        _text(590, 238, "float32 (NCHW)", small=True),
    ]
    return _picture(720, 46, 252, "A canvas is encoded as a row", parts)


def flow() -> str:
    """Return the way from images to a quantizer: list, set, reader."""
    stations: Sequence[tuple[str, str, str]] = (
        ("images", "folder, zip, tar,", "bucket"),
        ("list", "quant100.txt,", "in the rows' order"),
        ("set", ".npy, .npz or .zarr", "with its manifest"),
        ("reader", "steps as one", "quantizer wants them"),
    )
    steps = ("sample", "build", "open")
    parts = []
    for number, (name, first, second) in enumerate(stations):
        left = 20 + 178 * number
        parts += [
            _box(left, 60, 126, 92, _BOX),
            _frame(left, 60, 126, 92),
            _text(left + 63, 88, name, bold=True),
            _text(left + 63, 114, first, small=True),
            _text(left + 63, 132, second, small=True),
        ]
        if number < len(steps):
            parts.append(_arrow(left + 130, left + 174, 106, steps[number]))
    parts += [
        _text(83, 190, "never changed", small=True),
        _text(261, 190, "goes into git", small=True),
        _text(439, 190, "built once, resumable", small=True),
        _text(617, 190, "streams, never loads all", small=True),
    ]
    return _picture(720, 46, 204, "From images to a list, a set and a reader", parts)


PICTURES: dict[str, Callable[[], str]] = {
    "letterbox.svg": letterbox,
    "encoding.svg": encoding,
    "flow.svg": flow,
}
"""What draws each picture, by its file's name."""


def _picture(width: int, top: int, bottom: int, title: str, parts: Sequence[str]) -> str:
    box = f"0 {top} {width} {bottom - top}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="{box}" '
        'font-family="sans-serif" font-size="15">'
    )
    marker = (
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="{_MARK}"/></marker></defs>'
    )
    paper = f'<rect y="{top}" width="{width}" height="{bottom - top}" rx="8" fill="{_PAPER}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", marker, paper, *parts, "</svg>", ""])


def _box(left: float, top: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{fill}"/>'


def _frame(left: float, top: float, width: float, height: float) -> str:
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" '
        f'stroke="{_FRAME}" stroke-width="1.5"/>'
    )


def _photograph(left: float, top: float, width: float, height: float) -> list[str]:
    """Return a sea, a sun and a sail."""
    middle, sail = left + width / 2, width / 8
    horizon = top + 0.62 * height
    sun = (
        f'<circle cx="{left + 0.78 * width:g}" cy="{top + 0.25 * height:g}" r="{width / 14:g}" '
        f'fill="{_SUN}"/>'
    )
    hull = (
        f'<path d="M{middle - sail:g} {horizon:g} h{2 * sail:g} l{-0.4 * sail:g} {0.5 * sail:g} '
        f'h{-1.2 * sail:g}z" fill="{_INK}"/>'
    )
    return [
        _box(left, top, width, height, _SKY),
        sun,
        _box(left, horizon, width, top + height - horizon, _SEA),
        f'<path d="M{middle:g} {horizon - 2.2 * sail:g} v{2.2 * sail:g} h{sail:g}z" fill="#fff"/>',
        hull,
    ]


def _text(
    x: float, y: float, text: str, *, small: bool = False, bold: bool = False, mono: bool = False
) -> str:
    size = ' font-size="12"' if small else ""
    weight = ' font-weight="bold"' if bold else ""
    family = ' font-family="monospace"' if mono else ""
    fill = _QUIET if small else _INK
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="{fill}"{size}{weight}{family}>'
        f"{escape(text)}</text>"
    )


def _arrow(left: float, right: float, y: float, label: str) -> str:
    line = (
        f'<path d="M{left:g} {y:g} H{right:g}" stroke="{_MARK}" stroke-width="2" fill="none" '
        'marker-end="url(#tip)"/>'
    )
    word = (
        f'<text x="{(left + right) / 2:g}" y="{y - 10:g}" text-anchor="middle" fill="{_MARK}" '
        f'font-size="12">{escape(label)}</text>'
    )
    return line + word
