"""Builds into zarr beside the uint8 build, and the shard writer beside zarr-python's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import cv2
import numpy as np

from benchmarks import builds
from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.outputs import fitting_rows, output_folder
from benchmarks.rounds import Contestant, Figure, Outcome, Turn, absence, alternate, ratio
from streamcalib import Recipe, build
from streamcalib.images.listfile import ImageList
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.stores.compression import Compression
from streamcalib.stores.objects import FolderObjects
from streamcalib.stores.sharding import Sharding
from streamcalib.stores.zarr import ZarrStore
from streamcalib.stores.zarr_layout import METADATA_NAME, ZarrLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.corpus import Corpus
    from benchmarks.rounds import Round
    from benchmarks.settings import Settings

_NPY = "uint8 .npy build"
_BAR, _AIM = 0.7, 0.9
# As many different rows as are made beforehand, to be written again and again.
_DIFFERENT_ROWS = 54


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Measure builds, then writers of rows that are ready, in alternation."""
    corpus = photographs(settings)
    rows = fitting_rows(settings, settings.images_count, settings.row_bytes("uint8"), tell)
    compressions = get_args(Compression)
    contestants = [
        builds.contestant(_NPY, settings, corpus, rows, store="uint8"),
        *(_build(settings, corpus, rows, compression) for compression in compressions),
        *(
            _writing(settings, corpus, rows, compression, library)
            for compression in compressions
            for library in (True, False)
        ),
    ]
    rounds = alternate(contestants, settings.rounds, tell)
    figures = []
    for compression in compressions:
        name = _name(compression)
        figures += [
            ratio(f"{name} / {_NPY}", rounds, name, _NPY, bar=_BAR, aim=_AIM),
            _size(name, rounds),
        ]
    figures += [
        ratio(
            f"ready rows, one process, {c}: shards / zarr-python's",
            rounds,
            _writer(c, library=False),
            _writer(c, library=True),
        )
        for c in compressions
    ]
    return Outcome(figures, rounds)


def _name(compression: Compression) -> str:
    return f".zarr build, {compression}"


def _writer(compression: Compression, *, library: bool) -> str:
    return f"{'zarr-python' if library else 'shards'}, {compression}"


def _size(name: str, rounds: Sequence[Round]) -> Figure:
    reason = absence(rounds, name)
    values = () if reason else tuple(turns[name]["row_bytes"] / 1e3 for turns in rounds)
    return Figure(name=f"{name}, size of a row", values=values, unit="kB", absent=reason)


def _build(settings: Settings, corpus: Corpus, rows: int, compression: Compression) -> Contestant:
    file = corpus.listed(rows)

    def measure() -> Turn:
        corpus.warm(rows)
        with output_folder(settings) as folder:
            arguments = builds.order(settings, file, folder / "calib.zarr", store="uint8")
            return run_child("sharded", compression=compression, **arguments)

    return Contestant(_name(compression), measure)


def _writing(
    settings: Settings, corpus: Corpus, rows: int, compression: Compression, library: bool
) -> Contestant:
    file = corpus.listed(_DIFFERENT_ROWS)

    def measure() -> Turn:
        with output_folder(settings) as folder:
            return run_child(
                "sharded",
                list_file=str(file),
                out=str(folder / "rows.zarr"),
                imgsz=settings.imgsz,
                rows=max(1, rows // 4),
                compression=compression,
                library=library,
            )

    return Contestant(_writer(compression, library=library), measure)


def work(
    list_file: str,
    out: str,
    imgsz: int,
    compression: Compression,
    jobs: int = 1,
    store: Any = "uint8",
    rows: int = 0,
    library: bool | None = None,
) -> Turn:
    """Build a set, or, if ``library`` is said, write ready rows; timed until all is on disk."""
    if library is not None:
        return _write(Path(list_file), Path(out), imgsz, compression, rows, library)
    start = time.perf_counter()
    built = build(
        list_file,
        out,
        recipe=Recipe.yolo11(imgsz),
        store=store,
        jobs=jobs,
        compression=compression,
    )
    seconds = time.perf_counter() - start
    size = built.stored_bytes / len(built)
    return {"rate": len(built) / seconds, "seconds": seconds, "rows": len(built), "row_bytes": size}


def _write(
    list_file: Path, out: Path, imgsz: int, compression: Compression, rows: int, library: bool
) -> Turn:
    ready = _ready_rows(list_file, imgsz)
    layout = ZarrLayout(
        shape=(rows, *ready.shape[1:]),
        dtype="uint8",
        sharding=Sharding.of(rows, ready[0].nbytes),
        compression=compression,
    )
    store = ZarrStore(objects=FolderObjects(out), layout=layout)
    store.create()
    (out / METADATA_NAME).write_bytes(layout.metadata({}))
    rows_writer = store.writer(256 * 10**6)
    start = time.perf_counter()
    if library:
        _by_zarr_python(out, ready, rows, layout.sharding.shard_rows)
    else:
        with rows_writer as writer:
            for row in range(rows):
                writer.write(row, ready[row % len(ready)])
    store.sync()
    seconds = time.perf_counter() - start
    return {"rate": rows / seconds, "seconds": seconds, "rows": rows}


def _by_zarr_python(out: Path, ready: NDArray[np.uint8], rows: int, together: int) -> None:
    """Write whole shards at once, the fastest way that it has."""
    import zarr

    with zarr.config.set({"array.write_empty_chunks": True}):
        array = zarr.open_array(out, mode="r+")
        for first in range(0, rows, together):
            last = min(rows, first + together)
            array[first:last] = ready[np.arange(first, last) % len(ready)]


def _ready_rows(list_file: Path, imgsz: int) -> NDArray[np.uint8]:
    cv2.setNumThreads(1)
    maker = RowMaker(Recipe.yolo11(imgsz, dtype="uint8"), find_decoder())
    images = ImageList.read(list_file)
    return np.stack(
        [maker.make(Path(images.resolve(n)).read_bytes())[0] for n in range(len(images))]
    )
