"""What a worker holds in memory while single steps are measured; bounded, however many images."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.errors import ImageError, StoppedError
from streamcalib.images.reading import read_image
from streamcalib.pixels.decoding import decode_for
from streamcalib.pixels.encode import Encoder, split_planes
from streamcalib.pixels.letterbox import fit, pad, window
from streamcalib.pixels.placing import fills_lines, placer
from streamcalib.pixels.turbo import find_decoder
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from streamcalib.images.places import Base
    from streamcalib.pixels.turbo import DecoderName
    from streamcalib.recipe import Recipe

FILES_BYTES = 256 * 10**6
"""What all workers together hold of files."""

# Few enough that they stay in a processor's cache, where a build finds them too: there, an image
# was decoded a moment ago.
_PIXELS_BYTES = 16 * 10**6

HELD_BYTES = 3 * _PIXELS_BYTES
"""What a worker holds of images, canvases and rows."""


class Image(NamedTuple):
    """A decoded image (H, W, 3), and whether a build decodes it straight into its canvas."""

    pixels: NDArray[np.uint8]
    is_straight: bool


class Held:
    """Files, images, canvases and rows, each made from the one before when it is first needed.

    Parameters
    ----------
    entries
        Paths of images; those at the beginning are held.
    bases
        Folders against which they are resolved.
    recipe, decoder
        As in a build.
    files_bytes
        Limit on the files held, in bytes; one file is held in any case.
    rows_at_once
        How many rows a build encodes and writes together: so many canvases and rows at least.

    Attributes
    ----------
    place
        Gives the placement of an image of a height and width in pixels.
    """

    def __init__(
        self,
        entries: Sequence[str],
        bases: tuple[Base, ...],
        *,
        recipe: Recipe,
        decoder: DecoderName,
        files_bytes: int,
        rows_at_once: int,
    ) -> None:
        self.entries, self.bases, self.recipe = entries, bases, recipe
        self.decoder = find_decoder(decoder)
        self._files_bytes, self._rows_at_once = files_bytes, rows_at_once
        self.place = placer(recipe)
        self._canvas = np.empty((recipe.height, recipe.width, 3), np.uint8)

    def read(self, number: int) -> bytes:
        """Return the bytes of an entry's file.

        Raises
        ------
        StoppedError
            If it can be read no more.
        """
        entry = self.entries[number]
        try:
            return read_image(entry, self.bases)
        except ImageError as error:
            raise StoppedError(
                f"{printable(entry)} was good a moment ago: now {error}. Leave the images alone "
                "while they are measured, and run the same command again."
            ) from error

    def decode(self, data: bytes) -> None:
        """Decode a file's bytes as a build does: straight into a canvas where it can be."""
        self._decode(data, self._straight_window)

    def _decode(
        self, data: bytes, straight: Callable[[int, int], NDArray[np.uint8] | None]
    ) -> NDArray[np.uint8]:
        return decode_for(self.recipe, data, self.decoder, window=straight).image

    def _straight_window(self, height: int, width: int) -> NDArray[np.uint8] | None:
        """Return an image's window on the canvas where `CanvasMaker` would decode it there."""
        spot = self.place(height, width)
        if spot[:2] != (height, width) or not fills_lines(spot, self.recipe):
            return None
        return window(self._canvas, spot)

    def _image(self, data: bytes) -> Image:
        """Return an image that does not lie in the canvas, for it is to be held."""
        taken: list[NDArray[np.uint8]] = []

        def copied_window(height: int, width: int) -> NDArray[np.uint8] | None:
            view = self._straight_window(height, width)
            if view is None:
                return None
            taken.append(np.empty_like(view))
            return taken[0]

        pixels = self._decode(data, copied_window)
        return Image(pixels, bool(taken) and pixels is taken[0])

    @cached_property
    def files(self) -> list[bytes]:
        """Whole files."""
        files: list[bytes] = []
        size_bytes = 0
        for number in range(len(self.entries)):
            files.append(self.read(number))
            size_bytes += len(files[-1])
            if size_bytes >= self._files_bytes:
                break
        return files

    @cached_property
    def images(self) -> list[Image]:
        """Decoded images."""
        images: list[Image] = []
        size_bytes = 0
        for data in self.files:
            images.append(self._image(data))
            size_bytes += images[-1].pixels.nbytes
            if size_bytes >= _PIXELS_BYTES:
                break
        return images

    @cached_property
    def canvases(self) -> NDArray[np.uint8]:
        """Canvases, (k, 3, H, W)."""
        recipe = self.recipe
        shape = (3, recipe.height, recipe.width)
        count = max(self._rows_at_once, min(len(self.images), _PIXELS_BYTES // prod(shape)))
        canvas = np.empty((recipe.height, recipe.width, 3), np.uint8)
        canvases = np.empty((count, *shape), np.uint8)
        for number, planes in enumerate(canvases):
            image = self.images[number % len(self.images)].pixels
            spot = self.place(*image.shape[:2])
            pad(canvas, spot, recipe.pad_value)
            fit(image, canvas, spot, recipe.interpolation)
            split_planes(canvas, planes)
        return canvases

    @cached_property
    def rows(self) -> NDArray[Any]:
        """The recipe's values of the first canvases, (k, *row shape)."""
        row_bytes = prod(self.recipe.row_shape) * np.dtype(self.recipe.dtype).itemsize
        count = max(self._rows_at_once, min(len(self.canvases), _PIXELS_BYTES // row_bytes))
        rows: NDArray[Any] = np.empty((count, *self.recipe.row_shape), self.recipe.dtype)
        Encoder(self.recipe).encode(self.canvases[:count], rows)
        return rows
