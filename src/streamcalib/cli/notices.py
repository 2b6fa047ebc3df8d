"""What the library tells on its way, through `logging`, as lines on standard error."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Lines(logging.Handler):
    """Writes a line a notice; a progress bar makes room for it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write."""
        kind = "warning: " if record.levelno >= logging.WARNING else ""
        tqdm.write(kind + record.getMessage(), file=sys.stderr)


@contextmanager
def shown_notices(is_quiet: bool) -> Iterator[None]:
    """Print what the library tells while the block runs; nothing if it shall be quiet."""
    logger = logging.getLogger("streamcalib")
    before = logger.level, logger.propagate
    lines = _Lines(logging.ERROR if is_quiet else logging.INFO)
    logger.addHandler(lines)
    logger.setLevel(lines.level)
    # Whoever called main() may have handlers of their own; nothing is to be said twice.
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(lines)
        # Set so, or loggers below it go on as they were.
        logger.setLevel(before[0])
        logger.propagate = before[1]
