"""What readers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe import Recipe


class RowSource(Protocol):
    """Rows by index, in the values that the model sees.

    A calibration set is one, and so is a live set. Copies and pickles say where the rows are, and
    never carry them.
    """

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def recipe(self) -> Recipe:
        """What the rows are."""
        ...

    @property
    def input_name(self) -> str:
        """The graph's input that the rows were made for."""
        ...

    @property
    def model_path(self) -> str | None:
        """The ONNX file that the rows were made for, if one was named."""
        ...

    @property
    def extra_inputs(self) -> Mapping[str, ExtraInput]:
        """The model's further inputs by name, the same for every row."""
        ...

    @property
    def observed_range(self) -> tuple[float, float] | None:
        """Lowest and highest value of all rows, where they have been looked at."""
        ...

    @property
    def is_mapped(self) -> bool:
        """Whether `rows` gives views of a file, which cost nothing; else it makes fresh arrays."""
        ...

    def __len__(self) -> int: ...

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous.

        Raises
        ------
        DamagedError
            If one is not what its checksum says.
        """
        ...

    def canvases(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the canvases of rows ``start`` to ``stop``: (stop - start, 3, H, W), 0..255.

        Raises
        ------
        DamagedError
            If one is not what its checksum says.
        """
        ...
