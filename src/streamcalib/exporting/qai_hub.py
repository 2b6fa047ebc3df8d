"""Qualcomm AI Hub: a data set as an HDF5 file, ready to be uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import joblib

from streamcalib.exporting.checks import check_suffix, chosen_batch, whole_steps
from streamcalib.exporting.data import DataExport, plan_data
from streamcalib.exporting.h5file import H5File
from streamcalib.finalizing.order import agreed_name, chosen_rows

if TYPE_CHECKING:
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions


def qai_hub(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set as an AI Hub data set: ``.h5``, one array a calibration step.

    Raises
    ------
    MissingExtraError
        If h5py is not installed.
    """
    options.check_taken("qai-hub", {"batch", "input_name"})
    check_suffix(out, ".h5", "an HDF5 file")
    batch = chosen_batch(source, options.batch)
    rows, warnings = whole_steps(chosen_rows(source, options.rows), batch)
    container = H5File(
        input_name=agreed_name(source, options.input_name),
        batch=batch,
        extra_inputs=source.extra_inputs,
        jobs=int(joblib.cpu_count()) if options.jobs is None else options.jobs,
    )
    upload = f"import qai_hub\ndataset = qai_hub.upload_dataset({str(out)!a})  # kept 30 days"
    job = "qai_hub.submit_quantize_job(model, calibration_data=dataset)"
    return plan_data(
        "qai-hub",
        source,
        out,
        options,
        recipe=source.recipe,
        container=container,
        lines={"Upload it": upload, "and quantize a model with it": job},
        warnings=warnings,
        rows=rows,
        takes_extras=True,
    )
