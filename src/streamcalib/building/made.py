"""What a worker tells of the rows it has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from streamcalib.pixels.decode import Route

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUTES: tuple[str, ...] = get_args(Route)


class Made(NamedTuple):
    """Rows that are done.

    Attributes
    ----------
    rows
        Their indices, (k,).
    columns
        What is known of them, (k,) of `streamcalib.rowfacts.COLUMNS`.
    low, high
        Smallest and largest canvas value per channel, (3,), over all that this worker has made so
        far; 255 and 0 of none.
    """

    rows: NDArray[np.int64]
    columns: NDArray[Any]
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]
