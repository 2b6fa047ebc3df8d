"""Polygraphy: a script of a few lines that reads the set; it holds no data."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamcalib.amounts import load_bytes, too_few
from streamcalib.durable import sync
from streamcalib.errors import InputError, OutputError
from streamcalib.exporting.checks import check_suffix, chosen_batch, whole_steps
from streamcalib.exporting.place import check_replaceable
from streamcalib.finalizing.order import agreed_name
from streamcalib.publish import free_bytes
from streamcalib.remotepath import RemotePath
from streamcalib.staging import EXPORT_NAME, staging_folder
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.progress import Subscriber

_TAKEN_NAMES = frozenset({"numpy", "onnx", "polygraphy", "streamcalib", "tensorrt"})
_SCRIPT = '''\
"""Calibration data for Polygraphy, read by streamcalib from a finished set."""

from pathlib import Path

from streamcalib import CalibrationSet

SET = {place}


def load_data():
    """Return the steps: input names to arrays, again whenever they are iterated."""
    return CalibrationSet.open(SET).polygraphy_loader({name}, batch_size={batch}, remainder="drop")
'''


@dataclass(frozen=True, kw_only=True)
class ScriptExport:
    """A script that reads a set; see `Export`.

    Attributes
    ----------
    source, out
        The set, and the script to write.
    text
        What stands in it.
    batch, rows
        Rows in one calibration step, and in all.
    warnings
        What is allowed and likely wrong.
    free_bytes
        Free space on the output's volume, in bytes.
    is_complete
        Whether it is there already.
    """

    source: CalibrationSet
    out: Path
    text: str
    batch: int
    rows: int
    warnings: tuple[str, ...]
    free_bytes: int | None
    is_complete: bool

    @property
    def shown(self) -> str:
        """What is written, in words."""
        return f"a script that reads {self.source.path}, {counted(self.batch, 'row')} a step"

    @property
    def data_bytes(self) -> int:
        """Size of the script, in bytes."""
        return len(self.text.encode("ascii"))

    @property
    def load_bytes(self) -> int | None:
        """What Polygraphy holds of the rows: a step."""
        return load_bytes("polygraphy", 1, self.batch * self.source.values().row_bytes)

    @property
    def lines(self) -> Mapping[str, str]:
        """Polygraphy's command."""
        model = self.source.manifest.model
        words = ["polygraphy", "convert", model["path"] if model else "MODEL.onnx", "--int8"]
        words += ["--data-loader-script", str(self.out)]
        words += ["--calibration-cache", "MODEL.cache", "-o", "MODEL.engine"]
        return {"Calibrate and build an engine, with TensorRT up to 10": shlex.join(words)}

    def write(self, notify: Subscriber) -> None:  # noqa: ARG002
        """Write and publish it; see `Export.write`."""
        with staging_folder(self.out) as staging:
            staged = staging / EXPORT_NAME
            staged.write_text(self.text, encoding="ascii", newline="")
            sync(staged)
            staged.replace(self.out)
            sync(self.out.parent)


def polygraphy(source: CalibrationSet, out: Path, options: ExportOptions) -> ScriptExport:
    """Return the export of a set for Polygraphy's ``--data-loader-script``."""
    options.check_taken("polygraphy", {"batch", "input_name"})
    check_suffix(out, ".py", "a script")
    _check_module_name(out)
    if options.rows not in (None, len(source)):
        raise InputError(
            "--rows is not for --for polygraphy, which reads the set itself: write a shorter set "
            "first with finalize --rows, and a script for that."
        )
    batch = chosen_batch(source, options.batch)
    rows, left_out = whole_steps(len(source), batch)
    name = agreed_name(source, options.input_name)
    text = _SCRIPT.format(place=_place(source, out), name=ascii(name), batch=batch)
    complete = out.is_file() and out.read_bytes() == text.encode("ascii")
    if not complete:
        check_replaceable(out, is_folder=False, overwrite=options.overwrite)
    warnings = filter(None, (too_few("polygraphy", rows), _wrong_dtype(source)))
    return ScriptExport(
        source=source,
        out=out,
        text=text,
        batch=batch,
        rows=rows,
        warnings=(*warnings, *left_out),
        free_bytes=free_bytes(out, complete),
        is_complete=complete,
    )


def _place(source: CalibrationSet, out: Path) -> str:
    """Return a Python expression of where the set is: from the script on, if it lies below it."""
    if isinstance(source.path, RemotePath):
        return ascii(str(source.path))
    if source.path.is_relative_to(out.parent):
        return f"Path(__file__).resolve().parent / {str(source.path.relative_to(out.parent))!a}"
    return f"Path({str(source.path)!a})"


def _check_module_name(out: Path) -> None:
    """Make sure that Polygraphy, which imports the script by its name, gets this one."""
    if not out.stem.isidentifier() or out.stem in _TAKEN_NAMES | sys.stdlib_module_names:
        raise OutputError(
            f"the output {printable(out.name)} cannot be imported by that name, as Polygraphy does "
            "it: choose one of letters, digits and _ that no module has, like loader.py."
        )


def _wrong_dtype(source: CalibrationSet) -> str | None:
    if source.dtype == "float32":
        return None
    return (
        f"TensorRT calibrates with float32, and the rows of {printable(source.path.name)} are "
        f"{source.dtype.name}."
    )
