"""Where workers wait for each other, so that what they do together begins together."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from streamcalib.errors import StoppedError

_SECONDS_BETWEEN_LOOKS = 0.001
_MOST_SECONDS = 120.0
_CLOSED = "closed"


class Gate(NamedTuple):
    """An empty folder in which everybody leaves a file on arrival; processes and threads can.

    Attributes
    ----------
    folder
        The folder; one gate is passed once.
    parties
        How many must arrive before all may pass.
    """

    folder: str
    parties: int

    def wait(self, number: int) -> None:
        """Arrive as one of the parties, 0 to ``parties - 1``, and wait for the others.

        Raises
        ------
        StoppedError
            If the gate is closed meanwhile, or somebody does not come for two minutes.
        """
        Path(self.folder, str(number)).touch()
        given_up = time.monotonic() + _MOST_SECONDS
        while len(arrived := os.listdir(self.folder)) < self.parties or _CLOSED in arrived:  # noqa: PTH208
            if _CLOSED in arrived or time.monotonic() > given_up:
                raise StoppedError(
                    f"{self.parties} workers did not come together: try fewer --jobs, or "
                    "--backend threading."
                )
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def close(self) -> None:
        """Send those away who wait, since somebody will not come; harmless when all have passed."""
        Path(self.folder, _CLOSED).touch()
