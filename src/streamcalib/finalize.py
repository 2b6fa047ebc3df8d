"""A finished set to the ``.npy`` or ``.npz`` of final values that ModelOpt takes, streamed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import joblib

from streamcalib.calibset import SUFFIXES, CalibrationSet
from streamcalib.commands import set_commands
from streamcalib.errors import InputError, OutputError, SetError, SourceError, StreamcalibError
from streamcalib.extra_inputs import ExtraInput, checked_input_name
from streamcalib.manifest_rows import checksum_kinds, keep_rows, same_rows, with_row_checksums
from streamcalib.paths import absolute_path
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.plan import check_space
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.publish import check_kind, check_side_files, free_bytes, publish
from streamcalib.staging import staging_folder, staging_path
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES
from streamcalib.streamed import Manner, write_npy, write_npz
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class FinalizeOrder:
    """What a finalization will write, checked.

    Attributes
    ----------
    source, out
        The set, and the file to make of it.
    input_name, extra_inputs
        Members of an ``.npz``.
    needed_bytes, free_bytes
        Disk space.
    jobs
        Number of threads.
    cache_window
        What is held of the file in the page cache at most, in bytes.
    complete
        The finished file, if ``out`` already holds exactly what was asked for.
    """

    source: CalibrationSet
    out: Path
    input_name: str
    extra_inputs: Mapping[str, ExtraInput]
    needed_bytes: int
    free_bytes: int
    jobs: int
    cache_window: int
    complete: CalibrationSet | None


def finalize(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    overwrite: bool = False,
    jobs: int | None = None,
    cache_window: int = CACHE_WINDOW_BYTES,
    progress: Subscriber | None = None,
) -> CalibrationSet:
    """Write a finished set's final values as a file for a quantizer, with a manifest of its own.

    Streamed: memory does not grow with the number of rows.

    Parameters
    ----------
    calibration, out, input_name, extra_inputs, overwrite, jobs, cache_window
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
    order = check_finalize(
        calibration,
        out,
        input_name=input_name,
        extra_inputs=extra_inputs,
        overwrite=overwrite,
        jobs=jobs,
        cache_window=cache_window,
    )
    return run_finalize(order, progress)


def check_finalize(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    overwrite: bool = False,
    jobs: int | None = None,
    cache_window: int = CACHE_WINDOW_BYTES,
) -> FinalizeOrder:
    """Check what is asked of `finalize`; nothing is written.

    Parameters
    ----------
    calibration
        The set, or its path.
    out
        A ``.npy`` or ``.npz``.
    input_name
        Name of the member in an ``.npz``; by default as in the set.
    extra_inputs
        The model's further inputs, for an ``.npz``; by default as in the set.
    overwrite
        Replace an existing file.
    jobs
        Number of threads; by default all cores that this process may use.
    cache_window
        What may be held of the file in the page cache, in bytes.

    Raises
    ------
    InputError
        If the set or the output is not what it must be, or the disk is too small.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs must be at least 1, not {jobs}.")
    if cache_window < 1:
        raise InputError("--cache-window must be above 0.")
    source = calibration
    if not isinstance(source, CalibrationSet):
        source = CalibrationSet.open(source)
    path = Path(absolute_path(os.fspath(out)))
    extras = {extra.name: extra for extra in extra_inputs} or source.extra_inputs
    if len(extras) < len(extra_inputs):
        raise InputError("--extra-input names the same input twice.")
    name = _agreed_name(source, input_name)
    _check_output(source, path, name, extras)
    complete = _complete(source, path, name, extras)
    if os.path.lexists(path) and complete is None and not overwrite:
        raise OutputError(
            f"{printable(str(path))} exists and is not this set. To replace it, say --overwrite; "
            "or choose another --out."
        )
    free = free_bytes(path, complete is not None)
    if complete is None:
        check_side_files(path)
    order = FinalizeOrder(
        source=source,
        out=path,
        input_name=name,
        extra_inputs=extras,
        needed_bytes=len(source) * source.values().row_bytes,
        free_bytes=free,
        jobs=int(joblib.cpu_count()) if jobs is None else jobs,
        cache_window=cache_window,
        complete=complete,
    )
    if complete is None:
        check_space(order.needed_bytes, order.free_bytes, len(source))
    return order


def run_finalize(order: FinalizeOrder, progress: Subscriber | None = None) -> CalibrationSet:
    """Carry out a checked order; see `finalize`."""
    if order.complete is not None:
        _remove_leftovers(order.out)
        return order.complete
    with staging_folder(order.out) as staging:
        _finalize_into(staging, order, progress or ignore)
    return CalibrationSet.open(order.out)


def _remove_leftovers(out: Path) -> None:
    """Remove what a finalization left that died between publishing ``out`` and tidying up."""
    if staging_path(out).is_dir():
        with suppress(StreamcalibError, OSError), staging_folder(out):
            pass


def _agreed_name(source: CalibrationSet, input_name: str | None) -> str:
    name = source.manifest.input_name if input_name is None else checked_input_name(input_name)
    model = source.manifest.model
    if model is not None and name != model["input_name"]:
        raise InputError(
            f"--input-name says {name!r}, but the set was built for {printable(model['path'])}, "
            f"whose image input is {model['input_name']!r}: leave --input-name out."
        )
    return name


def _check_output(
    source: CalibrationSet, path: Path, input_name: str, extras: Mapping[str, ExtraInput]
) -> None:
    shown = printable(str(path))
    if path.suffix not in SUFFIXES:
        raise OutputError(f"the output {shown} must end in .npy or .npz.")
    check_kind(path)
    if path == source.path:
        raise OutputError(f"{shown} is the set itself: choose another --out.")
    if extras and path.suffix == ".npy":
        raise InputError(
            f"the further inputs {sorted(extras)} need an .npz: an .npy holds one array only. "
            "Choose an --out that ends in .npz."
        )
    if input_name in extras:
        raise InputError(f"--extra-input gives {input_name!r}, which is the images' own input.")


def _complete(
    source: CalibrationSet, path: Path, input_name: str, extras: Mapping[str, ExtraInput]
) -> CalibrationSet | None:
    """Return the set at ``path`` if it holds the same rows under the same names."""
    try:
        found = CalibrationSet.open(path)
        same = (
            found.recipe.fingerprint == source.recipe.fingerprint
            and len(found) == len(source)
            and found.manifest.store == "final"
            and same_rows(found.row_records(), source.row_records())
        )
    except (SetError, SourceError):
        return None
    named = (found.manifest.input_name, found.extra_inputs) == (input_name, dict(extras))
    return found if same and named else None


def _finalize_into(staging: Path, order: FinalizeOrder, notify: Subscriber) -> None:
    values, suffix = order.source.checked_values(), order.out.suffix
    counter = Counter(f"write {suffix[1:]}", len(values), values.row_bytes, notify)
    manner = Manner(jobs=order.jobs, window_bytes=order.cache_window, on_rows=counter.reach)
    staged = staging / f"set{suffix}"
    with one_opencv_thread():
        if suffix == ".npz":
            crcs = write_npz(
                values,
                staged,
                manner,
                input_name=order.input_name,
                extra_inputs=order.extra_inputs,
            )
        else:
            crcs = write_npy(values, staged, manner)
    records = with_row_checksums(order.source.row_records(), crcs)
    rows, rows_file = keep_rows(records, len(values), order.out, staging)
    source, extras = order.source.manifest, order.extra_inputs.items()
    manifest = replace(
        source,
        shape=order.source.shape,
        dtype=order.source.dtype.name,
        layout=order.source.recipe.layout,
        store="final",
        checksums=checksum_kinds("final"),
        commands=set_commands(order.out, "final", source.model),
        rows=rows,
        input_name=order.input_name,
        extra_inputs={name: {"value": e.value, "dtype": e.dtype} for name, e in extras},
    )
    publish(staged, order.out, manifest, rows_file)
