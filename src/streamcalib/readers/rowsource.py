"""What readers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.extra_inputs import ExtraInput


class RowSource(Protocol):
    """Rows by index, in the values that the model sees; a calibration set is one."""

    def __len__(self) -> int: ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the rows."""
        ...

    @property
    def extra_inputs(self) -> Mapping[str, ExtraInput]:
        """The model's further inputs by name, the same for every row."""
        ...

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous."""
        ...
