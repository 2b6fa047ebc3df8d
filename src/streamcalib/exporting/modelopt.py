"""NVIDIA ModelOpt's command line: a set in a ``.npy`` or ``.npz`` of whole batches."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamcalib.amounts import load_bytes, too_few
from streamcalib.commands import QUANTIZE, set_commands
from streamcalib.errors import OutputError
from streamcalib.exporting.checks import chosen_batch, whole_steps
from streamcalib.finalize import run_finalize
from streamcalib.finalizing.order import FinalizeOrder, check_finalize, chosen_rows
from streamcalib.freememory import available_bytes
from streamcalib.wording import in_units, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.progress import Subscriber


@dataclass(frozen=True, kw_only=True)
class ModelOptExport:
    """A set for ModelOpt's command line, which is a set itself; see `Export`.

    Attributes
    ----------
    out
        The ``.npy`` or ``.npz``.
    order
        The finalization that makes it.
    batch
        Rows in one calibration step.
    warnings
        What is allowed and likely wrong.
    """

    out: Path
    order: FinalizeOrder
    batch: int
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows ModelOpt gets."""
        return self.order.plan.rows

    @property
    def shown(self) -> str:
        """What is written, in words."""
        return f"{self.order.plan.shape} {self.order.plan.dtype}, input {self.order.input_name!r}"

    @property
    def data_bytes(self) -> int:
        """Size of the file, in bytes."""
        return self.order.plan.file_bytes

    @property
    def free_bytes(self) -> int | None:
        """Free space on the output's volume, in bytes."""
        return self.order.plan.free_bytes

    @property
    def load_bytes(self) -> int | None:
        """What ModelOpt's command line holds of the rows, in bytes."""
        return load_bytes("modelopt", self.rows, self.order.plan.row_bytes)

    @property
    def is_complete(self) -> bool:
        """Whether the file is there already."""
        return self.order.complete is not None

    @property
    def lines(self) -> Mapping[str, str]:
        """Our own command and ModelOpt's."""
        model = self.order.source.manifest.model
        commands = set_commands(self.out, "final", model)
        if self.batch == 1:
            return commands
        return {what: self._in_batches(what, command) for what, command in commands.items()}

    def _in_batches(self, what: str, command: str) -> str:
        """Return a command that takes a batch in a step, said as whose command it is says it."""
        if what == QUANTIZE:
            return f"{command} --batch-size {self.batch}"
        step = "x".join(str(side) for side in (self.batch, *self.order.plan.row_shape))
        shapes = f"--calibration_shapes={self.order.input_name}:{step}"
        return f"{_without_shapes(command)} {shlex.quote(shapes)}"

    def write(self, notify: Subscriber) -> None:
        """Write and publish it; see `Export.write`."""
        run_finalize(self.order, notify)


def modelopt(source: CalibrationSet, out: Path, options: ExportOptions) -> ModelOptExport:
    """Return the export of a set for ModelOpt's command line, in as many rows as fill batches.

    ModelOpt splits the rows into ``rows // batch`` parts of nearly the same size, which are larger
    than the batch where something is left over, and a graph of fixed batch size then fails.
    """
    options.check_taken("modelopt", {"batch", "input_name", "extra_inputs"})
    if out.suffix not in (".npy", ".npz"):
        raise OutputError(
            f"the output {printable(str(out))} must end in .npy or .npz, which ModelOpt takes."
        )
    batch = chosen_batch(source, options.batch)
    rows, warnings = whole_steps(chosen_rows(source, options.rows), batch)
    order = check_finalize(
        source,
        out,
        input_name=options.input_name,
        extra_inputs=options.extra_inputs,
        rows=rows,
        overwrite=options.overwrite,
        jobs=options.jobs,
        cache_window=options.cache_window,
    )
    warned = ModelOptExport(out=out, order=order, batch=batch, warnings=())
    more = filter(None, (too_few("modelopt", rows), _too_large(warned.load_bytes)))
    return ModelOptExport(out=out, order=order, batch=batch, warnings=(*more, *warnings))


def _without_shapes(command: str) -> str:
    words = shlex.split(command)
    return shlex.join(word for word in words if not word.startswith("--calibration_shapes="))


def _too_large(loaded: int | None) -> str | None:
    available = available_bytes()
    if available is None or loaded is None or loaded <= available:
        return None
    return (
        f"ModelOpt's command line loads all {in_units(loaded)}, and here {in_units(available)} of "
        "memory are free: give its Python interface a reader, which loads a batch at a time."
    )
