"""The whole job: choose images, build the set, finalize it, in one folder."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.build import run_build
from streamcalib.building.options import BuildOptions
from streamcalib.building.prepare import PreparedBuild, prepare
from streamcalib.choosing.sample import sample
from streamcalib.choosing.saving import SavedList, save_list
from streamcalib.errors import OutputError
from streamcalib.images.braces import has_range
from streamcalib.images.places import is_archive, is_url, without_file_scheme
from streamcalib.recipe import Recipe
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamcalib.calibset import CalibrationSet
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.images.places import Base
    from streamcalib.plan import Container
    from streamcalib.progress import Subscriber

_LONGEST_NAME = 50


class RunResult(NamedTuple):
    """What a run made.

    Attributes
    ----------
    saved
        The list.
    prepared
        The build as it was planned; ``prepared.complete`` tells whether it was there before.
    calibration
        The finished set.
    seconds
        How long building it took.
    """

    saved: SavedList
    prepared: PreparedBuild
    calibration: CalibrationSet
    seconds: float


def prepare_run(
    source: str | os.PathLike[str],
    count: int,
    out: str | os.PathLike[str],
    *,
    seed: int = 42,
    extensions: Iterable[str] | None = None,
    recipe: Recipe | None = None,
    model: str | os.PathLike[str] | None = None,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    container: Container = "npy",
    options: BuildOptions | None = None,
) -> PreparedBuild:
    """Choose the images and check the build of a `run`; nothing is written.

    The list will be ``out/quantN.txt``, the set ``out/calib_PRESET_SIZE.npy``, ``.npz`` or
    ``.zarr``. Parameters as in `sample` and `build`; raises as they do.
    """
    if is_url(os.fspath(out)):
        raise OutputError(
            f"--out {printable(os.fspath(out))} is no folder on disk, where the list is to lie: "
            "use 'streamcalib sample', and 'streamcalib build' with an --out behind the URL."
        )
    chosen = sample(source, count, seed=seed, extensions=extensions)
    if recipe is None and model is not None:
        recipe = Recipe.from_onnx(model, input_name=input_name)
    recipe = recipe or Recipe.yolo11()
    folder = Path(out).absolute()
    return prepare(
        replace(chosen, file=folder / f"quant{count}.txt", within=places_of(os.fspath(source))),
        folder / set_name(recipe, container),
        recipe=recipe,
        model=model,
        input_name=input_name,
        extra_inputs=extra_inputs,
        options=options or BuildOptions(),
    )


def places_of(source: str) -> tuple[Base, ...]:
    """Return the places that a source speaks of, in which its images lie unless links lead out."""
    source = without_file_scheme(source)
    if is_url(source):
        return (source.rpartition("/")[0] if is_archive(source) else source,)
    path = Path(source)
    if path.is_dir():
        return (path,)
    if path.is_file() and is_archive(source):
        return (path.absolute().parent,)
    if path.is_file():
        return tuple(dict.fromkeys((Path.cwd(), path.absolute().parent)))
    parts = path.parts
    spread = (n for n, part in enumerate(parts) if has_magic(part) or has_range(part))
    fixed = next(spread, len(parts))
    return (Path(*parts[:fixed]),)


def run_prepared(
    prepared: PreparedBuild, progress: Subscriber | None = None, *, gitignore: bool | None = None
) -> RunResult:
    """Write the list of a prepared run and build its set; the same again builds nothing.

    ``gitignore`` is as in `save_list`.

    Raises
    ------
    StreamcalibError
        As `save_list` and `build` do.
    """
    list_file = prepared.images.file or Path(prepared.out).with_suffix(".txt")
    saved = save_list(
        prepared.images,
        list_file,
        overwrite=prepared.options.overwrite,
        gitignore=gitignore,
    )
    started = time.monotonic()
    calibration = run_build(prepared, progress)
    return RunResult(saved, prepared, calibration, time.monotonic() - started)


def set_name(recipe: Recipe, container: str) -> str:
    """Return the file name of a recipe's set: ``calib_yolo11_640.npy``, or ``..._320x640.npy``."""
    square = recipe.height == recipe.width
    size = str(recipe.height) if square else f"{recipe.height}x{recipe.width}"
    dtype = "" if recipe.dtype == "float32" else f"_{recipe.dtype}"
    # A recipe's name is any text, and must not lead elsewhere.
    name = re.sub(r"[^\w-]", "_", recipe.name)[:_LONGEST_NAME]
    return f"calib_{name}_{size}{dtype}.{container}"
