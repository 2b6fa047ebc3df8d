"""A complete store to the ``.npy`` or ``.npz`` that ModelOpt takes, streamed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.calibset import SUFFIXES, CalibrationSet
from streamcalib.commands import set_commands
from streamcalib.errors import InputError, OutputError, SetError, SourceError
from streamcalib.extra_inputs import ExtraInput, checked_input_name
from streamcalib.manifest import rows_path
from streamcalib.paths import absolute_path
from streamcalib.plan import check_space
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.publish import check_side_files, free_bytes, publish, staging_folder
from streamcalib.stores.npy import NpyStore
from streamcalib.stores.npz import NpzWriter
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from streamcalib.manifest import Manifest

_PART_BYTES = 32 * 2**20


def write_npz(
    rows: NDArray[Any],
    path: Path,
    *,
    input_name: str,
    extra_inputs: Mapping[str, ExtraInput],
    on_rows: Callable[[int], None],
) -> None:
    """Write ``rows`` (N, ...) and the model's further inputs as an uncompressed ``.npz``.

    One member an input, named as the graph names it; every member has N rows. ``on_rows`` is
    called with the number of rows written after each part. Memory does not grow with N.
    """
    writer = NpzWriter(path)
    try:
        parts = _reported(_parts(rows), on_rows)
        writer.add(input_name, rows.shape, rows.dtype, parts)
        for extra in extra_inputs.values():
            shape = extra.shape(len(rows))
            writer.add(extra.name, shape, np.dtype(extra.dtype), extra.parts(len(rows)))
    finally:
        writer.close()


def write_npy(rows: NDArray[Any], path: Path, *, on_rows: Callable[[int], None]) -> None:
    """Write ``rows`` (N, ...) as a ``.npy`` store; see `write_npz`."""
    store = NpyStore(path=path, rows=len(rows), row_shape=rows.shape[1:], dtype=rows.dtype.name)
    store.create()
    with store.writer() as writer:
        row = 0
        for part in _reported(_parts(rows), on_rows):
            for values in part:
                writer.write(row, values)
                row += 1


def _parts(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = max(1, _PART_BYTES // max(1, rows[0].nbytes))
    for start in range(0, len(rows), step):
        yield np.ascontiguousarray(rows[start : start + step])


def _reported(
    parts: Iterable[NDArray[Any]], on_rows: Callable[[int], None]
) -> Iterator[NDArray[Any]]:
    done = 0
    for part in parts:
        yield part
        done += len(part)
        on_rows(done)


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
    complete
        The finished file, if ``out`` already holds exactly what was asked for.
    """

    source: CalibrationSet
    out: Path
    input_name: str
    extra_inputs: Mapping[str, ExtraInput]
    needed_bytes: int
    free_bytes: int
    complete: CalibrationSet | None


def finalize(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    overwrite: bool = False,
    progress: Subscriber | None = None,
) -> CalibrationSet:
    """Write a finished set in another container, streamed, with a manifest of its own.

    Parameters
    ----------
    calibration, out, input_name, extra_inputs, overwrite
        As in `check_finalize`.
    progress
        Called with a `Progress` after every part.

    Raises
    ------
    InputError
        If the set or the output is not what it must be; nothing was written.
    StoppedError
        If the disk is full or failed.
    """
    order = check_finalize(
        calibration, out, input_name=input_name, extra_inputs=extra_inputs, overwrite=overwrite
    )
    return run_finalize(order, progress)


def check_finalize(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    overwrite: bool = False,
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

    Raises
    ------
    InputError
        If the set or the output is not what it must be, or the disk is too small.
    """
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
        needed_bytes=source.array().nbytes,
        free_bytes=free,
        complete=complete,
    )
    if complete is None:
        check_space(order.needed_bytes, order.free_bytes, len(source))
    return order


def run_finalize(order: FinalizeOrder, progress: Subscriber | None = None) -> CalibrationSet:
    """Carry out a checked order; see `finalize`."""
    if order.complete is not None:
        return order.complete
    with staging_folder(order.out) as staging:
        _finalize_into(staging, order, progress or ignore)
    return CalibrationSet.open(order.out)


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
    if os.path.isdir(path):  # noqa: PTH112 (Path's raises where a folder is forbidden)
        raise OutputError(f"the output {shown} is a folder.")
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
            and all(a == b for a, b in zip(found.row_records(), source.row_records(), strict=True))
        )
    except (SetError, SourceError):
        return None
    named = (found.manifest.input_name, found.extra_inputs) == (input_name, dict(extras))
    return found if same and named else None


def _finalize_into(staging: Path, order: FinalizeOrder, notify: Subscriber) -> None:
    rows, suffix = order.source.array(), order.out.suffix
    counter = Counter(f"write {suffix[1:]}", len(rows), rows[0].nbytes, notify)
    staged = staging / f"set{suffix}"
    if suffix == ".npz":
        write_npz(
            rows,
            staged,
            input_name=order.input_name,
            extra_inputs=order.extra_inputs,
            on_rows=counter.reach,
        )
    else:
        write_npy(rows, staged, on_rows=counter.reach)
    manifest, rows_file = _manifest_for(order.out, order.source, staging)
    extras = order.extra_inputs.items()
    manifest = replace(
        manifest,
        input_name=order.input_name,
        extra_inputs={name: {"value": e.value, "dtype": e.dtype} for name, e in extras},
    )
    publish(staged, order.out, manifest, rows_file)


def _manifest_for(
    path: Path, source: CalibrationSet, staging: Path
) -> tuple[Manifest, Path | None]:
    commands = set_commands(path, source.manifest.model)
    manifest = replace(source.manifest, commands=commands)
    if isinstance(manifest.rows, list):
        return manifest, None
    copy = staging / "rows.jsonl"
    shutil.copyfile(source.path.with_name(manifest.rows["file"]), copy)
    return replace(manifest, rows={**manifest.rows, "file": rows_path(path).name}), copy
