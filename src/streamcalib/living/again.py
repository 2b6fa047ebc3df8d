"""Images that were looked at once, made into canvases when their rows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import BadImagesError, DamagedError, Failure, ImageError
from streamcalib.pixels.checksum import checksum
from streamcalib.wording import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.images.listfile import ImageList
    from streamcalib.living.making import Making
    from streamcalib.living.survey import Surveyed


class MadeAgain(NamedTuple):
    """The canvases of a live set, by row.

    Attributes
    ----------
    images, making, surveyed
        As of a live set.
    """

    images: ImageList
    making: Making
    surveyed: Surveyed

    def entry(self, row: int) -> str:
        """Return the image that a row is of, as the list names it."""
        return self.images.source(int(self.surveyed.sources[row]))

    def canvas(self, row: int) -> NDArray[np.uint8]:
        """Return a row's canvas: (3, H, W), a fresh array.

        Raises
        ------
        BadImagesError
            If the image has become bad since it was looked at.
        DamagedError
            If it is another image than it was.
        StoppedError
            If it lies behind a URL, and the server cannot be reached.
        """
        entry = self.entry(row)
        try:
            canvas = self.making.canvas(entry)
        except ImageError as error:
            failure = Failure(int(self.surveyed.sources[row]), entry, str(error))
            raise BadImagesError(
                f"{printable(entry)}, which is row {row}, was good when the images were looked at, "
                f"and is bad now: {printable(str(error))}. Run the same again.",
                (failure,),
            ) from error
        if checksum(canvas) != self.surveyed.sums[row]:
            raise DamagedError(
                f"{printable(entry)}, which is row {row}, was changed since the images were looked "
                "at. Run the same again."
            )
        return canvas
