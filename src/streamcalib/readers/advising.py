"""Warnings when a reader is made: of too few rows, and of a consumer that will load them all."""

from __future__ import annotations

import logging
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from streamcalib.amounts import load_bytes, too_few
from streamcalib.freememory import available_bytes
from streamcalib.wording import in_units

if TYPE_CHECKING:
    from streamcalib.readers.reader import CalibrationReader

# They make a list of all steps; the others go through them once.
_LISTING = {"ai-edge-quantizer": "ai-edge-quantizer", "quark": "Quark"}

_log = logging.getLogger(__name__)


def advise(consumer: str, reader: CalibrationReader) -> CalibrationReader:
    """Return a reader after warning of what its consumer will make of it.

    Parameters
    ----------
    consumer
        Its name, as `streamcalib.amounts` knows it.
    reader
        The reader that it will get.
    """
    rows = min(reader.steps.rows, len(reader) * reader.batch_size)
    shown = reader.source.shown
    if few := too_few(consumer, rows):
        _log.warning("%s: %s", shown, few)
    if consumer in _LISTING and not reader.source.is_mapped:
        takes = _listed_bytes(consumer, reader)
        free = available_bytes()
        _log.log(
            logging.INFO if free is None or takes <= free else logging.WARNING,
            "%s: %s makes a list of all steps, which takes %s; %s of memory are free. Rows of "
            "final values in a .npy, which 'streamcalib finalize' writes, it does not copy.",
            shown,
            _LISTING[consumer],
            in_units(takes),
            "unknown amounts" if free is None else in_units(free),
        )
    return reader


def _listed_bytes(consumer: str, reader: CalibrationReader) -> int:
    recipe = reader.source.recipe
    row_bytes = prod(recipe.row_shape) * np.dtype(recipe.dtype).itemsize
    return load_bytes(consumer, len(reader) * reader.batch_size, row_bytes) or 0
