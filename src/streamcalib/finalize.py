"""A finished set in another file: the ``.npy`` or ``.npz`` that ModelOpt takes, or a ``.zarr``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from streamcalib.calibset import CalibrationSet
from streamcalib.commands import set_commands
from streamcalib.errors import StreamcalibError
from streamcalib.finalizing.firstrows import FirstRows
from streamcalib.finalizing.order import FinalizeKeywords, FinalizeOrder, check_finalize
from streamcalib.manifest_rows import checksum_kinds, keep_rows, with_row_checksums
from streamcalib.opened import objects_of
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.publish import publish, publish_store
from streamcalib.remotepath import RemotePath
from streamcalib.staging import staging_folder, staging_path
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.zarr import ZarrStore
from streamcalib.streamed import Manner, write_npz, write_store

if TYPE_CHECKING:
    import os

    from streamcalib.manifest import Manifest
    from streamcalib.remotepath import SetPath
    from streamcalib.values import Rows


def finalize(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    progress: Subscriber | None = None,
    **options: Unpack[FinalizeKeywords],
) -> CalibrationSet:
    """Write a finished set's rows as another file, with a manifest of its own.

    Final values for a quantizer, or canvases for keeping; see `FinalizeOptions`. Streamed: memory
    does not grow with the number of rows.

    Parameters
    ----------
    calibration, out, **options
        As in `check_finalize`.
    progress
        Called with a `Progress` after every part.

    Raises
    ------
    InputError
        If the set or the output is not what it must be; nothing was written.
    DamagedError
        If a row of the set is not what its checksum says; nothing was published.
    StoppedError
        If the disk is full or failed.
    """
    return run_finalize(check_finalize(calibration, out, **options), progress)


def run_finalize(order: FinalizeOrder, progress: Subscriber | None = None) -> CalibrationSet:
    """Carry out a checked order; see `finalize`."""
    if order.complete is not None:
        _remove_leftovers(order.out)
        return order.complete
    with staging_folder(order.out) as staging:
        _finalize_into(staging, order, progress or ignore)
    return CalibrationSet.open(order.out)


def _remove_leftovers(out: SetPath) -> None:
    """Remove what a finalization left that died between publishing ``out`` and tidying up."""
    if staging_path(out).is_dir():
        with suppress(StreamcalibError, OSError), staging_folder(out):
            pass


def _finalize_into(staging: Path, order: FinalizeOrder, notify: Subscriber) -> None:
    plan, source = order.plan, order.source
    values = source.checked_canvases() if plan.store == "uint8" else _final_values(order)
    staged = staging / f"set.{plan.container}"
    store = _store(order, staged)
    with one_opencv_thread():
        crcs = _write(order, values, store, staged, notify)
    first = islice(source.row_records(), plan.rows)
    records = with_row_checksums(first, crcs, plan.store)
    rows, rows_file = keep_rows(records, len(values), order.out, staging)
    manifest = replace(_manifest(order), rows=rows)
    if isinstance(values, FirstRows):
        observed = {**manifest.value_range, "observed": values.observed}
        manifest = replace(manifest, value_range=observed)
    if store is None:
        publish(staged, Path(order.out), manifest, rows_file)
        return
    store.sync()
    publish_store(store, staged, order.out, manifest, rows_file)


def _final_values(order: FinalizeOrder) -> Rows:
    values = order.source.checked_values()
    return values if order.plan.rows == len(values) else FirstRows(values, order.plan.rows)


def _store(order: FinalizeOrder, staged: Path) -> NpyStore | ZarrStore | None:
    """Return the store to write; an ``.npz`` is none."""
    plan = order.plan
    if plan.zarr is not None:
        out = order.out
        place = objects_of(out if isinstance(out, RemotePath) else staged)
        return ZarrStore(objects=place, layout=plan.zarr)
    if plan.container == "npz":
        return None
    row_shape, dtype = plan.stored_row
    return NpyStore(path=staged, rows=plan.rows, row_shape=row_shape, dtype=dtype)


def _write(
    order: FinalizeOrder,
    values: Rows,
    store: NpyStore | ZarrStore | None,
    staged: Path,
    notify: Subscriber,
) -> list[int] | None:
    counter = Counter(f"write {order.plan.container}", len(values), values.row_bytes, notify)
    manner = Manner(jobs=order.plan.jobs, window_bytes=order.cache_window, on_rows=counter.reach)
    if store is not None:
        return write_store(values, store, manner)
    return write_npz(
        values, staged, manner, input_name=order.input_name, extra_inputs=order.extra_inputs
    )


def _manifest(order: FinalizeOrder) -> Manifest:
    """Return the manifest of the file, with the records of the set's rows."""
    plan, source = order.plan, order.source.manifest
    return replace(
        source,
        shape=plan.shape,
        dtype=plan.stored_row[1],
        layout=source.recipe.layout if plan.store == "final" else "NCHW",
        store=plan.store,
        checksums=checksum_kinds(plan.store),
        commands=set_commands(order.out, plan.store, source.model),
        input_name=order.input_name,
        extra_inputs={
            name: {"value": extra.value, "dtype": extra.dtype}
            for name, extra in order.extra_inputs.items()
        },
    )
