"""Image list to calibration set: plan, workers, commit."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Unpack

from streamcalib.building.badimages import close_holes, stop_message
from streamcalib.building.crew import Crew
from streamcalib.building.prepare import BuildKeywords, BuildOptions, PreparedBuild, prepare
from streamcalib.building.record import write_record
from streamcalib.building.rowtable import RowTable
from streamcalib.building.worker import Task
from streamcalib.calibset import CalibrationSet
from streamcalib.errors import BadImagesError, DamagedError, StoppedError
from streamcalib.images.listfile import ImageList
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.publish import publish, staging_folder
from streamcalib.stores.npy import NpyStore
from streamcalib.streamed import Manner, write_npz
from streamcalib.values import RowValues

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe import Recipe


def build(
    images: ImageList | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    recipe: Recipe | None = None,
    model: str | os.PathLike[str] | None = None,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    progress: Subscriber | None = None,
    **options: Unpack[BuildKeywords],
) -> CalibrationSet:
    """Build a calibration set from images.

    Parameters
    ----------
    images
        An `ImageList`, the path of a list, or the paths of images. Their order is the row order.
    out
        Where the set goes: ``.npy``, or ``.npz`` with one member an input. A manifest and a card
        are written beside it.
    recipe
        What a row is; by default the model's, else ``Recipe.yolo11()``.
    model
        An ONNX file whose image input the rows must fit; needs the extra ``onnx``.
    input_name
        Name of the graph's input; by default the model's, else ``images``.
    extra_inputs
        The model's further inputs, for ``.npz``.
    progress
        Called with a `Progress` after every task; by default nobody is told.
    **options
        The fields of `BuildOptions`: ``jobs``, ``backend``, ``on_bad``, ``overwrite``, ``store``,
        ``cache_window``, ``max_pixels``, ``max_file_bytes``, ``confine``, ``tolerate_damage``,
        ``decoder``.

    Returns
    -------
    CalibrationSet
        The finished set. If ``out`` already holds exactly this set, it is opened and nothing is
        built.

    Raises
    ------
    InputError
        If something is wrong with what was given; nothing was written.
    BadImagesError
        If images are bad and ``on_bad`` does not say what to do about it.
    StoppedError
        If the disk is full, a worker died, or the volume failed.
    """
    prepared = prepare(
        ImageList.of(images),
        out,
        recipe=recipe,
        model=model,
        input_name=input_name,
        extra_inputs=extra_inputs,
        options=BuildOptions(**options),
    )
    return run_build(prepared, progress)


def run_build(prepared: PreparedBuild, progress: Subscriber | None = None) -> CalibrationSet:
    """Carry out a prepared build; see `build`."""
    if prepared.complete is not None:
        return prepared.complete
    with staging_folder(prepared.out) as staging, one_opencv_thread():
        _build_into(staging, prepared, progress or ignore)
    return CalibrationSet.open(prepared.out)


def _build_into(staging: Path, prepared: PreparedBuild, notify: Subscriber) -> None:
    plan, images, out = prepared.plan, prepared.images, prepared.out
    row_shape, dtype = plan.staged_row
    store = NpyStore(path=staging / "rows.npy", rows=plan.rows, row_shape=row_shape, dtype=dtype)
    store.create()
    table = RowTable(plan.rows)
    crew = Crew(prepared, store, Counter("build", plan.rows, store.row_bytes, notify))
    crew.make_all(images, table)
    if table.bad_sources:
        store = _settle_bad_images(prepared, crew, store, table)
    if table.open_rows:
        raise RuntimeError(f"{len(table.open_rows)} rows were never made: this is a bug.")
    staged = store.path
    if plan.container == "npz":
        staged = staging / "set.npz"
        _write_npz(prepared, store, staged, table, notify)
    manifest, rows_file = write_record(prepared, table, table.failures(images.source), staging)
    publish(staged, out, manifest, rows_file)


def _write_npz(
    prepared: PreparedBuild, store: NpyStore, path: Path, table: RowTable, notify: Subscriber
) -> None:
    """Encode the staged canvases into an ``.npz``, and note the checksums of its rows."""
    plan = prepared.plan
    sums = table.columns["row_crc32c" if plan.staged == "final" else "canvas_crc32c"]
    values = RowValues(store.read(), prepared.recipe, plan.staged, sums)
    counter = Counter("write npz", store.rows, plan.row_bytes, notify)
    manner = Manner(
        jobs=plan.jobs, window_bytes=prepared.options.cache_window, on_rows=counter.reach
    )
    try:
        crcs = write_npz(
            values,
            path,
            manner,
            input_name=prepared.input_name,
            extra_inputs=prepared.extra_inputs,
        )
    except DamagedError as error:
        raise StoppedError(
            f"the disk did not keep what was written to it: {error} Nothing was published; run the "
            "same command again, on another volume if this happens twice."
        ) from error
    if crcs is not None:
        table.columns["row_crc32c"] = crcs


def _settle_bad_images(
    prepared: PreparedBuild, crew: Crew, store: NpyStore, table: RowTable
) -> NpyStore:
    images, on_bad = prepared.images, prepared.options.on_bad
    tried = len(images)
    if on_bad == "skip":
        if len(table.open_rows) < len(table):
            return close_holes(store, table)
        ending = "No image is left: nothing was published. Mend these files, or choose others."
    elif on_bad == "replace":
        _replace_bad_rows(images, crew, table)
        if not table.open_rows:
            return store
        tried += len(images.spares)
        ending = (
            f"All {len(images.spares)} spares of {images.label} were tried and do not suffice: "
            "sample again with more --spares, mend the files, or say --on-bad skip."
        )
    else:
        ending = (
            "Nothing was published. Mend or replace these files and run the same command again, or "
            "say --on-bad skip to leave them out, or --on-bad replace to take spares."
        )
    failures = table.failures(images.source)
    raise BadImagesError(stop_message(failures, tried, ending), failures)


def _replace_bad_rows(images: ImageList, crew: Crew, table: RowTable) -> None:
    """Give the j-th bad row the j-th good spare; rows stay open when the spares run out."""
    spares = iter(range(len(images), len(images) + len(images.spares)))
    while rows := table.open_rows:
        tried = list(islice(spares, len(rows)))
        if not tried:
            return
        entries = {source: images.spares[source - len(images)] for source in tried}
        good = crew.find_good((Task((-1,), (s,), (entries[s],)) for s in tried), table)
        assigned = zip(rows, good, strict=False)
        crew.make((Task((row,), (s,), (entries[s],)) for row, s in assigned), table)
