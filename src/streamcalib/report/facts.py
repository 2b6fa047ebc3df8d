"""What a manifest's record says of a row, as far as it can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from streamcalib.images.resolving import entry_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe

_LARGEST = 1e9
_NO_PADDING = (0, 0, 0, 0)


class RowFacts(NamedTuple):
    """A row's number and source.

    Attributes
    ----------
    row
        Its number, from 0.
    path
        The image, as the list names it.
    height, width
        Size of the upright image, in pixels; 0 if nobody knows.
    size_bytes
        Size of the image file.
    route
        How it was decoded.
    checksum
        CRC-32C of its canvas, in hex.
    scale
        How many pixels of the canvas a pixel of the image became along a side; 0 if not known.
    padding
        Above, below, left and right of the picture on the canvas, in pixels.
    canvas
        Height and width of the canvas, in pixels.
    """

    row: int
    path: str
    height: int
    width: int
    size_bytes: int
    route: str
    checksum: str
    scale: float
    padding: tuple[int, int, int, int]
    canvas: tuple[int, int]

    @classmethod
    def of(cls, row: int, record: dict[str, Any], recipe: Recipe) -> Self:
        """Return what a checked record says; what only streamcalib's own have may be missing."""
        route = record.get("decoded_by")
        return cls(
            row=row,
            path=entry_of(record["path"]),
            height=record.get("height", 0),
            width=record.get("width", 0),
            size_bytes=record["bytes"],
            route=route if isinstance(route, str) else "",
            checksum=record["canvas_crc32c"],
            scale=_scale(record.get("scale")),
            padding=_padding(record.get("padding"), recipe),
            canvas=(recipe.height, recipe.width),
        )

    @property
    def is_sized(self) -> bool:
        """Whether the image's size is known."""
        return self.height > 0 and self.width > 0

    @property
    def aspect(self) -> float:
        """Width over height; 0 if they are not known."""
        return self.width / self.height if self.is_sized else 0.0

    @property
    def picture_pixels(self) -> int:
        """Pixels of the canvas that are picture."""
        top, bottom, left, right = self.padding
        return (self.canvas[0] - top - bottom) * (self.canvas[1] - left - right)

    @property
    def padding_share(self) -> float:
        """Share of the canvas that is padding, 0 to 1."""
        return 1 - self.picture_pixels / (self.canvas[0] * self.canvas[1])

    def picture(self, canvas: NDArray[Any]) -> NDArray[Any]:
        """Return the view of a canvas (C, H, W) without its padding."""
        top, bottom, left, right = self.padding
        height, width = self.canvas
        return canvas[:, top : height - bottom, left : width - right]


def _scale(found: Any) -> float:
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if is_number and 0 < found < _LARGEST else 0.0


def _padding(found: Any, recipe: Recipe) -> tuple[int, int, int, int]:
    if not isinstance(found, list) or len(found) != 4:
        return _NO_PADDING
    if not all(type(side) is int and side >= 0 for side in found):
        return _NO_PADDING
    top, bottom, left, right = found
    if top + bottom >= recipe.height or left + right >= recipe.width:
        return _NO_PADDING
    return top, bottom, left, right
