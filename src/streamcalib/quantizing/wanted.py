"""A quantization that can go ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.images.listfile import ImageList
    from streamcalib.readers.reader import CalibrationReader
    from streamcalib.readers.rowsource import RowSource


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Everything that was checked and decided before ModelOpt runs.

    Attributes
    ----------
    model
        The ONNX file, as given.
    out
        The quantized one, absolute.
    source
        The rows.
    reader
        Their steps, held against the graph.
    keywords
        Of ModelOpt's ``quantize``.
    keeps
        The list that is to be kept beside the output, if it has no file of its own.
    overwrite
        Replace what is there.
    warnings
        What is allowed and likely wrong, each in a sentence with its mend.
    """

    model: str
    out: Path
    source: RowSource
    reader: CalibrationReader
    keywords: dict[str, Any]
    keeps: ImageList | None
    overwrite: bool
    warnings: tuple[str, ...]
