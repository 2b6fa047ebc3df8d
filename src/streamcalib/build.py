"""Image list to calibration set: plan, workers, commit."""

from __future__ import annotations

from contextlib import closing, suppress
from itertools import groupby, islice
from typing import TYPE_CHECKING, Unpack

from streamcalib.building.badimages import close_holes, stop_message
from streamcalib.building.clusters.cluster import CLUSTERS
from streamcalib.building.clusters.joining import joined
from streamcalib.building.crew import Crew, Desk
from streamcalib.building.extend import take_over_rows
from streamcalib.building.options import BuildKeywords, BuildOptions, worker_count
from streamcalib.building.prepare import PreparedBuild, prepare
from streamcalib.building.record import write_record
from streamcalib.building.resume import begin, forget_damaged, tell_changed
from streamcalib.building.statefolder import clear, journal_path, remove_own_folder
from streamcalib.building.unfinished import remove_leftovers
from streamcalib.building.worker import Task
from streamcalib.calibset import CalibrationSet
from streamcalib.errors import BadImagesError, DamagedError, StoppedError, StreamcalibError
from streamcalib.images.listfile import ImageList
from streamcalib.images.objects.trying import tell_retries
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.publish import publish_store
from streamcalib.signals import SoftEnd
from streamcalib.staging import MARKS_NAME, ROWS_NAME, SHARDS_NAME, locked_staging
from streamcalib.streamed import Manner, write_npz
from streamcalib.values import RowValues
from streamcalib.wording import counted, printable
from streamcalib.workers.marks import Marks

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from streamcalib.building.resume import Begun
    from streamcalib.building.rowtable import RowTable
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe import Recipe
    from streamcalib.staging import Staging
    from streamcalib.stores.store import Store


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
        The fields of `BuildOptions`.

    Returns
    -------
    CalibrationSet
        The finished set. If ``out`` already holds exactly this set, it is opened and nothing is
        built; if an earlier call was interrupted, this one goes on where that ended.

    Raises
    ------
    InputError
        If something is wrong with what was given; nothing was written.
    BadImagesError
        If images are bad and ``on_bad`` does not say what to do about it.
    StoppedError
        If the disk is full, workers die, the volume failed, or another build of ``out`` is
        running. What is done is kept, and the same call goes on from there; so it is after
        ``KeyboardInterrupt``.
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
    out, options = prepared.out, prepared.options
    if prepared.complete is not None:
        remove_leftovers(prepared)
        return prepared.complete
    with locked_staging(out, break_lock=options.break_lock) as staging, one_opencv_thread():
        path = journal_path(staging.folder, out, options.state, restart=options.restart)
        begun = begin(prepared, staging, path)
        try:
            _build_into(prepared, staging, begun, progress or ignore)
        except BaseException as error:
            _leave(begun, staging, path, error)
            raise
        begun.journal.close()
        clear(staging.folder, path)
        remove_own_folder(staging.folder, path)
    return CalibrationSet.open(out)


def _leave(begun: Begun, staging: Staging, path: Path, error: BaseException) -> None:
    """Keep what is done for the next run, and say so; with nothing done, leave nothing."""
    with suppress(StreamcalibError, OSError):
        try:
            kept = begun.journal.count()
        finally:
            begun.journal.close()
        # What another build has taken over is that one's.
        staging.lock.check()
        if not kept:
            clear(staging.folder, path)
            remove_own_folder(staging.folder, path)
        elif begun.store.exists() and path.exists():
            # Else they vanished, perhaps with their volume, and may come back with it.
            error.add_note(
                f"{kept:,} of {counted(begun.store.rows, 'row')} are kept in "
                f"{printable(str(staging.folder))}; the same command goes on from there."
            )


def _build_into(
    prepared: PreparedBuild, staging: Staging, begun: Begun, notify: Subscriber
) -> None:
    plan, store, table = prepared.plan, begun.store, begun.table
    _make_rows(prepared, staging, begun, notify)
    if table.bad_sources:
        store = _settle_bad_images(prepared, store, table)
    if table.open_rows:
        raise RuntimeError(f"{len(table.open_rows)} rows were never made: this is a bug.")
    staged = staging.folder / (ROWS_NAME if plan.zarr is None else SHARDS_NAME)
    if plan.container == "npz":
        staged = staging.folder / "set.npz"
        _write_npz(prepared, begun, store, staged, notify)
    failures = table.failures(prepared.images.source)
    manifest, rows_file = write_record(prepared, table, failures, staging.folder)
    staging.lock.check()
    publish_store(store, staged, prepared.out, manifest, rows_file)


def _make_rows(prepared: PreparedBuild, staging: Staging, begun: Begun, notify: Subscriber) -> None:
    """Make all rows that are not done, until they are or a signal comes."""
    store, table = begun.store, begun.table
    marks = Marks(staging.folder / MARKS_NAME)
    marks.clear()
    with (
        joined(prepared.options) as cluster,
        closing(store.flusher()) as flusher,
        closing(marks),
    ):

        def make_durable() -> None:
            staging.lock.check()
            flusher.flush()

        if prepared.extends is not None:
            take_over_rows(prepared, prepared.extends, begun, flusher.wrote, make_durable, notify)
        kept = len(table) - len(table.open_rows)
        counter = Counter("build", store.rows, store.row_bytes, notify, kept=kept)
        desk = Desk(table, begun.journal, flusher.wrote, make_durable, counter, marks)
        crew = Crew(prepared, store, desk, cluster)
        with SoftEnd(crew.stop) as end:
            try:
                crew.make_suspects(begun.suspects)
                crew.make_all()
                # Of spares the journal knows nothing, and is to know nothing.
                crew.commit()
                if prepared.options.on_bad == "replace" and end.came is None:
                    _replace_bad_rows(prepared.images, crew, table)
            except Exception:
                with suppress(StreamcalibError, OSError):
                    crew.commit()
                raise
    tell_retries(crew.retries)
    tell_changed(begun)
    end.raise_again()
    if end.came is not None:
        raise StoppedError("the build was told to end.")


def _write_npz(
    prepared: PreparedBuild, begun: Begun, store: Store, path: Path, notify: Subscriber
) -> None:
    """Encode the staged canvases into an ``.npz``, and note the checksums of its rows."""
    plan, table = prepared.plan, begun.table
    sums = table.columns["row_crc32c" if plan.staged == "final" else "canvas_crc32c"]
    values = RowValues(store.read(), prepared.recipe, plan.staged, sums)
    counter = Counter("write npz", store.rows, plan.row_bytes, notify)
    is_cluster = prepared.options.backend in CLUSTERS
    manner = Manner(
        # The threads of this host, whatever a cluster has.
        jobs=min(plan.jobs, worker_count(None)) if is_cluster else plan.jobs,
        window_bytes=prepared.options.cache_window,
        on_rows=counter.reach,
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
        forget_damaged(begun, prepared)
        raise StoppedError(
            f"the disk did not keep what was written to it: {error} Nothing was published; run the "
            "same command again, on another volume if this happens twice."
        ) from error
    if crcs is not None:
        table.columns["row_crc32c"] = crcs


def _settle_bad_images(prepared: PreparedBuild, store: Store, table: RowTable) -> Store:
    images, on_bad = prepared.images, prepared.options.on_bad
    tried = len(images)
    if on_bad == "skip":
        if len(table.open_rows) < len(table):
            return close_holes(store, table)
        ending = "No image is left: nothing was published. Mend these files, or choose others."
    elif on_bad == "replace":
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
    together = crew.rows_together
    while rows := table.open_rows:
        tried = list(islice(spares, len(rows)))
        if not tried:
            return
        entries = {source: images.spares[source - len(images)] for source in tried}
        good = crew.find_good(Task((-1,), (s,), (entries[s],)) for s in tried)
        assigned = list(zip(rows, good, strict=False))
        groups = (list(group) for _, group in groupby(assigned, lambda pair: pair[0] // together))
        crew.make(
            Task([row for row, _ in group], [s for _, s in group], [entries[s] for _, s in group])
            for group in groups
        )
        if crew.is_stopped:
            return
