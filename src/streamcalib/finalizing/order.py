"""What a finalization will write, and whether it can."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypedDict, Unpack, get_args

import joblib

from streamcalib.calibset import CalibrationSet
from streamcalib.errors import InputError, OutputError, SetError, SourceError
from streamcalib.extra_inputs import ExtraInput, checked_input_name
from streamcalib.manifest import StoreKind
from streamcalib.manifest_rows import same_rows
from streamcalib.opened import SUFFIXES
from streamcalib.pixels.restore import Restorer
from streamcalib.plan import Container, Plan, check_space, chosen_store, make_plan
from streamcalib.publish import (
    check_kind,
    check_side_files,
    free_space,
    is_there,
)
from streamcalib.publish_remote import check_remote
from streamcalib.remotepath import SetPath, set_path
from streamcalib.stores.compression import COMPRESSIONS, Compression
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


class FinalizeKeywords(TypedDict, total=False):
    """The fields of `FinalizeOptions`, as keyword arguments."""

    input_name: str | None
    extra_inputs: Sequence[ExtraInput]
    store: StoreKind | None
    compression: Compression
    rows: int | None
    overwrite: bool
    jobs: int | None
    cache_window: int


@dataclass(frozen=True, kw_only=True)
class FinalizeOptions:
    """How a set is written to another file.

    Attributes
    ----------
    input_name
        Name of the member in an ``.npz``; by default as in the set.
    extra_inputs
        The model's further inputs, for an ``.npz``; by default as in the set.
    store
        What the file is to hold: ``final`` values, or ``uint8`` canvases; by default canvases in a
        ``.zarr``, final values elsewhere.
    compression
        Of a ``.zarr``: ``none``, ``zstd`` or ``blosc``.
    rows
        How many rows, from the first on; by default all. For final values only.
    overwrite
        Replace an existing file.
    jobs
        Number of threads; by default all cores that this process may use.
    cache_window
        What may be held of the file in the page cache, in bytes.

    Raises
    ------
    InputError
        If an option is out of range.
    """

    input_name: str | None = None
    extra_inputs: Sequence[ExtraInput] = ()
    store: StoreKind | None = None
    compression: Compression = "none"
    rows: int | None = None
    overwrite: bool = False
    jobs: int | None = None
    cache_window: int = CACHE_WINDOW_BYTES

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 1:
            raise InputError(f"--rows must be at least 1, not {self.rows}.")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs must be at least 1, not {self.jobs}.")
        if self.cache_window < 1:
            raise InputError("--cache-window must be above 0.")
        if self.store is not None and self.store not in get_args(StoreKind):
            raise InputError(f"--store must be {' or '.join(get_args(StoreKind))}.")
        if self.compression not in COMPRESSIONS:
            raise InputError(f"--compression must be {' or '.join(COMPRESSIONS)}.")
        if len({extra.name for extra in self.extra_inputs}) < len(self.extra_inputs):
            raise InputError("--extra-input names the same input twice.")


@dataclass(frozen=True, kw_only=True)
class FinalizeOrder:
    """What a finalization will write, checked.

    Attributes
    ----------
    source, out
        The set, and the file to make of it.
    input_name, extra_inputs
        Members of an ``.npz``.
    plan
        The file's array, and what it takes of the disk.
    cache_window
        What is held of the file in the page cache at most, in bytes.
    complete
        The finished file, if ``out`` already holds exactly what was asked for.
    """

    source: CalibrationSet
    out: SetPath
    input_name: str
    extra_inputs: dict[str, ExtraInput]
    plan: Plan
    cache_window: int
    complete: CalibrationSet | None


def check_finalize(
    calibration: CalibrationSet | str | os.PathLike[str],
    out: str | os.PathLike[str],
    **keywords: Unpack[FinalizeKeywords],
) -> FinalizeOrder:
    """Check what is asked of `finalize`; nothing is written.

    Parameters
    ----------
    calibration
        The set, or its path.
    out
        A ``.npy``, ``.npz`` or ``.zarr``.
    **keywords
        The fields of `FinalizeOptions`.

    Raises
    ------
    InputError
        If the set or the output is not what it must be, or the disk is too small.
    """
    options = FinalizeOptions(**keywords)
    source = calibration
    if not isinstance(source, CalibrationSet):
        source = CalibrationSet.open(source)
    path = set_path(out)
    extras = {extra.name: extra for extra in options.extra_inputs} or source.extra_inputs
    name = agreed_name(source, options.input_name)
    container = _container(source, path, name, extras)
    store = _agreed_store(source, container, options)
    rows = chosen_rows(source, options.rows)
    if rows < len(source) and store == "uint8":
        raise InputError("--rows is for final values: say --store final, or leave --rows out.")
    complete = _complete(source, path, name, extras, store, rows)
    if is_there(path) and complete is None and not options.overwrite:
        raise OutputError(
            f"{printable(str(path))} exists and is not this set. To replace it, say --overwrite; "
            "or choose another --out."
        )
    plan = make_plan(
        rows=rows,
        recipe=source.recipe,
        container=container,
        store=store,
        compression=options.compression,
        jobs=int(joblib.cpu_count()) if options.jobs is None else options.jobs,
        free_bytes=free_space(path, complete is not None),
        check=False,
    )
    if complete is None:
        _check_writable(path, plan)
    return FinalizeOrder(
        source=source,
        out=path,
        input_name=name,
        extra_inputs=extras,
        plan=plan,
        cache_window=options.cache_window,
        complete=complete,
    )


def _check_writable(path: SetPath, plan: Plan) -> None:
    """Make sure that nothing of others is in the way, and that the disk holds the file."""
    check_side_files(path)
    # How small a compressed array becomes, only its rows tell.
    if plan.compression == "none":
        check_space(plan.file_bytes, plan.free_bytes, plan.rows)


def chosen_rows(source: CalibrationSet, rows: int | None) -> int:
    """Return how many rows are asked for: all, unless ``rows`` says otherwise.

    Raises
    ------
    InputError
        If the set has fewer.
    """
    if rows is not None and rows > len(source):
        raise InputError(
            f"--rows {rows} is more than {printable(source.path.name)} holds: "
            f"{counted(len(source), 'row')}."
        )
    return len(source) if rows is None else rows


def agreed_name(source: CalibrationSet, input_name: str | None) -> str:
    """Return the name of the images' input: as asked, else as in the set.

    Raises
    ------
    InputError
        If nothing can have that name, or the set's model names it otherwise.
    """
    name = source.manifest.input_name if input_name is None else checked_input_name(input_name)
    model = source.manifest.model
    if model is not None and name != model["input_name"]:
        raise InputError(
            f"--input-name says {name!r}, but the set was built for {printable(model['path'])}, "
            f"whose image input is {model['input_name']!r}: leave --input-name out."
        )
    return name


def _container(
    source: CalibrationSet, path: SetPath, input_name: str, extras: dict[str, ExtraInput]
) -> Container:
    check_remote(path)
    shown = printable(str(path))
    if path.suffix not in SUFFIXES:
        raise OutputError(f"the output {shown} must end in .npy, .npz or .zarr.")
    check_kind(path)
    if path == source.path:
        raise OutputError(f"{shown} is the set itself: choose another --out.")
    if extras and path.suffix != ".npz":
        raise InputError(
            f"the further inputs {sorted(extras)} need an .npz: an {path.suffix} holds one array "
            "only. Choose an --out that ends in .npz."
        )
    if input_name in extras:
        raise InputError(f"--extra-input gives {input_name!r}, which is the images' own input.")
    containers: dict[str, Container] = {".npy": "npy", ".npz": "npz", ".zarr": "zarr"}
    return containers[path.suffix]


def _agreed_store(
    source: CalibrationSet, container: Container, options: FinalizeOptions
) -> StoreKind:
    store = chosen_store(options.store, container, options.compression)
    recipe = source.recipe
    if (recipe.dtype, recipe.layout) == ("uint8", "NCHW"):
        return "final"
    if (store, source.manifest.store) == ("uint8", "final") and not Restorer(recipe).is_exact:
        raise InputError(
            f"the canvases of {printable(source.path.name)} cannot be told from its values, some "
            "of which stand for several bytes: say --store final, or build it again."
        )
    return store


def _complete(
    source: CalibrationSet,
    path: SetPath,
    input_name: str,
    extras: dict[str, ExtraInput],
    store: StoreKind,
    rows: int,
) -> CalibrationSet | None:
    """Return the set at ``path`` if it holds the same first rows under the same names."""
    try:
        found = CalibrationSet.open(path)
        same = (
            found.recipe.fingerprint == source.recipe.fingerprint
            and len(found) == rows
            and found.manifest.store == store
            and same_rows(found.row_records(), islice(source.row_records(), rows))
        )
    except (SetError, SourceError):
        return None
    named = (found.manifest.input_name, found.extra_inputs) == (input_name, extras)
    return found if same and named else None
