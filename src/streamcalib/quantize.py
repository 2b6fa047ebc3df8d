"""A model quantized by NVIDIA ModelOpt, in memory that does not grow with the set."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.amounts import too_few
from streamcalib.calibset import CalibrationSet
from streamcalib.errors import InputError, ModelError
from streamcalib.graph import read_image_input
from streamcalib.images.listfile import side_file
from streamcalib.live import LiveSet
from streamcalib.progress import Subscriber, ignore
from streamcalib.quantizing.fed import FedReader
from streamcalib.quantizing.modelopt import check_keywords, clash, with_defaults
from streamcalib.quantizing.record import make_record, write_record
from streamcalib.quantizing.running import is_quantized, run_modelopt
from streamcalib.quantizing.wanted import Wanted
from streamcalib.quantizing.workplace import check_output, workplace
from streamcalib.readers.named import Readers
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from streamcalib.graph import ImageInput
    from streamcalib.images.listfile import ImageList
    from streamcalib.readers.reader import CalibrationReader
    from streamcalib.readers.steps import Remainder


class Quantized(NamedTuple):
    """A quantized model on disk.

    Attributes
    ----------
    path
        The model.
    record_path, record
        The file beside it that says what it was made of, and what that holds.
    list_path
        The image list that was kept beside it, or None if there is another.
    """

    path: Path
    record_path: Path
    record: dict[str, Any]
    list_path: Path | None


def quantize(
    model: str | PathLike[str],
    calibration: CalibrationSet | LiveSet | str | PathLike[str],
    out: str | PathLike[str],
    *,
    input_name: str | None = None,
    batch_size: int | None = None,
    remainder: Remainder = "error",
    any_range: bool = False,
    overwrite: bool = False,
    progress: Subscriber | None = None,
    **modelopt: Any,
) -> Quantized:
    """Quantize an ONNX model with NVIDIA ModelOpt, reading the rows step by step.

    The scales are those of ModelOpt's own command line on the same rows. What it would accept
    wrongly is refused: rows of another range, size, dtype or input than the graph's, damaged sets,
    a remainder. Needs the extra ``modelopt``.

    Parameters
    ----------
    model
        The ONNX file.
    calibration
        The rows: a set or its path, or a live set, see `live`.
    out
        The quantized model, ending in ``.onnx``; it appears whole, with its record beside it.
    input_name, batch_size, remainder, any_range
        As in `Readers.reader`. By default a step has as many rows as ``calibration_shapes`` or the
        graph says, else 1.
    overwrite
        Replace what is there.
    progress
        Called with a `Progress` after every step; by default nobody is told.
    **modelopt
        Keywords of ModelOpt's own ``quantize``: ``quantize_mode``, ``calibration_method``, ...

    Raises
    ------
    InputError
        If something is wrong with what was given; nothing was written.
    DamagedError
        If a row is not what was built.
    BadImagesError
        If an image of a live set has become bad.
    QuantizerError
        If ModelOpt fails.
    StoppedError
        If memory or disk do not suffice.
    """
    check_keywords(modelopt)
    wanted = prepare_quantization(
        model,
        calibration,
        out,
        keywords=modelopt,
        input_name=input_name,
        batch_size=batch_size,
        remainder=remainder,
        any_range=any_range,
        overwrite=overwrite,
    )
    return run_quantization(wanted, progress)


def prepare_quantization(
    model: str | PathLike[str],
    calibration: CalibrationSet | LiveSet | str | PathLike[str],
    out: str | PathLike[str],
    *,
    keywords: Mapping[str, Any],
    input_name: str | None = None,
    batch_size: int | None = None,
    remainder: Remainder = "error",
    any_range: bool = False,
    overwrite: bool = False,
) -> Wanted:
    """Check everything and write nothing; parameters as in `quantize`, raises as it does."""
    source = _opened(calibration)
    graph = check_model(model, input_name or source.input_name)
    keeps = source.images if isinstance(source, LiveSet) and source.images.file is None else None
    path = check_output(model, out, side_names(out, keeps), overwrite=overwrite)
    given = with_defaults(keywords)
    asked = batch_size or _declared_batch(given, graph)
    # The reader of no quantizer in particular: too few rows are warned of below.
    reader = source.reader(
        input_name,
        batch_size=asked,
        remainder=remainder,
        # Turning rows is a view; the file of either layout serves.
        layout=graph.layout,
        model=model,
        any_range=any_range,
    )
    return Wanted(
        model=os.fspath(model),
        out=path,
        source=source,
        reader=reader,
        keywords=given,
        keeps=keeps,
        overwrite=overwrite,
        warnings=tuple(filter(None, (clash(), too_few("modelopt", _used(reader))))),
    )


def run_quantization(wanted: Wanted, progress: Subscriber | None = None) -> Quantized:
    """Carry out a prepared quantization; see `quantize`."""
    started = time.monotonic()
    names = side_names(wanted.out, wanted.keeps)
    with workplace(wanted.model, wanted.out) as place:
        fed = FedReader(wanted.reader, progress or ignore)
        run_modelopt(place, fed, wanted.keywords, printable(Path(wanted.model).name))
        if wanted.keeps is not None:
            wanted.keeps.write(place.folder / names[1])
        record = make_record(wanted, place, time.monotonic() - started)
        write_record(record, place.folder / names[0])
        place.publish(
            [place.folder / name for name in names],
            keep_others=bool(wanted.keywords.get("keep_intermediate_files")),
            overwrite=wanted.overwrite,
        )
    kept = None if wanted.keeps is None else wanted.out.with_name(names[1])
    return Quantized(wanted.out, wanted.out.with_name(names[0]), record, kept)


def check_model(model: str | PathLike[str], input_name: str | None = None) -> ImageInput:
    """Return what a model's image input is, if the model is not quantized yet.

    ``input_name`` says which it is if there are several.

    Raises
    ------
    ModelError
        If it cannot be served, or ModelOpt would leave it as it is without a word.
    """
    graph = read_image_input(model, input_name)
    if is_quantized(Path(model)):
        raise ModelError(
            f"{graph.shown} is quantized already, and ModelOpt would leave it as it is: give the "
            "model that it was made of."
        )
    return graph


def side_names(out: str | PathLike[str], keeps: ImageList | None) -> list[str]:
    """Return the names of what stands beside a quantized model: its record, and a list if kept."""
    name = Path(out).name
    if keeps is None:
        return [f"{name}.json"]
    listed = Path(f"{name}.quant{len(keeps)}.txt")
    return [f"{name}.json", str(listed), side_file(listed).name]


def _opened(calibration: CalibrationSet | LiveSet | str | PathLike[str]) -> Any:
    if isinstance(calibration, str | os.PathLike):
        return CalibrationSet.open(calibration)
    if not isinstance(calibration, Readers):
        raise InputError(
            "calibration must be a CalibrationSet, its path, or what streamcalib.live returns, not "
            f"{type(calibration).__name__}."
        )
    return calibration


def _used(reader: CalibrationReader) -> int:
    """Return how many rows are read, each counted once."""
    return reader.steps.rows - reader.steps.dropped


def _declared_batch(keywords: Mapping[str, Any], graph: ImageInput) -> int | None:
    """Return the batch that ModelOpt's ``calibration_shapes`` say, as its own reader takes it."""
    declared = str(keywords.get("calibration_shapes") or "")
    for shape in declared.split(","):
        name, _, sides = shape.rpartition(":")
        if name == graph.name:
            first = sides.split("x")[0]
            if not first.isdecimal() or int(first) < 1:
                raise InputError(
                    f"--calibration_shapes says {printable(shape)!r}, whose first side is no batch."
                )
            return int(first)
    return None
