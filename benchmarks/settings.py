"""What a run measures with: sizes, rounds, workers, places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parameters of a run.

    Attributes
    ----------
    scratch
        Folder for photographs, lists and outputs; on the volume that is to be measured.
    images
        A folder of JPEGs to use instead of made photographs.
    images_count
        Rows of a uint8 build; a float32 build has half of them.
    photographs
        How many different photographs they name in turn.
    peer_images
        Rows that a peer makes.
    plain_images
        Rows that the plain script makes, at most.
    rounds
        How often every contestant has its turn.
    jobs
        Workers of a build, of a peer, and threads of the ceilings.
    imgsz
        Side of the canvas, in pixels.
    small_rows, small_distinct
        Rows of the builds from 64x64 JPEGs, and how many different files they name in turn.
    batch_rows
        Rows of the store that batches are encoded from.
    planned_rows
        Rows of the build that is only planned.
    memory_rows
        Rows of the two builds whose memory is compared.
    limit_floor_bytes
        No memory limit is set below this, where a tenth of the output would be less.
    model
        ONNX graph whose activations are looked at, if any.
    observed_images
        Photographs that go through it, each round.
    pause_s
        Pause after a sync before each turn, for the disk to come to rest, in seconds; at 0 there is
        neither.
    """

    scratch: Path
    images: Path | None = None
    images_count: int = 6000
    photographs: int = 2000
    peer_images: int = 2000
    plain_images: int = 1000
    rounds: int = 5
    jobs: int = 1
    imgsz: int = 640
    small_rows: int = 200_000
    small_distinct: int = 1000
    batch_rows: int = 500
    planned_rows: int = 1_000_000
    memory_rows: tuple[int, int] = (1000, 20_000)
    limit_floor_bytes: int = 500 * 10**6
    model: Path | None = None
    observed_images: int = 24
    pause_s: float = 2.0

    @property
    def float32_images(self) -> int:
        """Rows of a float32 build."""
        return max(1, self.images_count // 2)

    def row_bytes(self, dtype: str) -> int:
        """Return the size of a row in ``uint8`` or ``float32``, in bytes."""
        return 3 * self.imgsz**2 * {"uint8": 1, "float32": 4}[dtype]

    def toy(self) -> Settings:
        """Return the same run at a size that takes seconds and says nothing about speed."""
        return replace(
            self,
            images_count=12,
            photographs=8,
            peer_images=8,
            plain_images=8,
            rounds=min(self.rounds, 2),
            imgsz=64,
            small_rows=200,
            small_distinct=20,
            batch_rows=8,
            planned_rows=3000,
            memory_rows=(20, 100),
            observed_images=4,
            pause_s=0.0,
        )

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as JSON takes them, without folders."""
        told = {name: value for name, value in vars(self).items() if not isinstance(value, Path)}
        told["images"] = "procedural photographs" if self.images is None else "a folder of JPEGs"
        return {**told, "float32_images": self.float32_images}


def default_jobs() -> int:
    """Return the number of cores that this process may use, as streamcalib counts them."""
    return int(joblib.cpu_count())
