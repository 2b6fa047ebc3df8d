"""An image to its canvas, in whatever thread asks for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamcalib.images.reading import MAX_FILE_BYTES, read_image
from streamcalib.pixels.canvas import CanvasMaker
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.shortage import shortage_is_bad
from streamcalib.pixels.turbo import DecoderName, find_decoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.images.confining import Confines
    from streamcalib.images.places import Base
    from streamcalib.recipe import Recipe

_kept = threading.local()


@dataclass(frozen=True, kw_only=True)
class Making:
    """What all images of a live set have in common.

    Attributes
    ----------
    recipe
        What a row is.
    bases
        Folders or a URL from which relative entries start.
    confines
        Where the images must lie; None if anywhere.
    decoder, max_pixels, max_file_bytes, tolerate_damage
        As in `BuildOptions`.
    """

    recipe: Recipe
    bases: tuple[Base, ...]
    confines: Confines | None = None
    decoder: DecoderName = "auto"
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    tolerate_damage: bool = False

    def canvas(self, entry: str) -> NDArray[np.uint8]:
        """Return the canvas of the image that a list's entry names: (3, H, W), a fresh array.

        Safe to call from many threads; each keeps buffers for the calls that follow.

        Raises
        ------
        ImageError
            If the image cannot become a canvas.
        StoppedError
            If it lies behind a URL, and the server cannot be reached.
        """
        with shortage_is_bad():
            data = read_image(
                entry, self.bases, max_bytes=self.max_file_bytes, confines=self.confines
            )
            canvas = np.empty((3, self.recipe.height, self.recipe.width), np.uint8)
            self._maker().make(data, canvas)
        return canvas

    def _maker(self) -> CanvasMaker:
        if getattr(_kept, "making", None) != self:
            _kept.maker = CanvasMaker(
                self.recipe,
                find_decoder(self.decoder),
                max_pixels=self.max_pixels,
                tolerate_damage=self.tolerate_damage,
            )
            _kept.making = self
        maker: CanvasMaker = _kept.maker
        return maker
