"""Readers by the names of their quantizers: the methods that every row source of ours has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.readers.advising import advise
from streamcalib.readers.fit import check_fit, check_own_fit
from streamcalib.readers.nncf import nncf_dataset
from streamcalib.readers.ort import ort_options
from streamcalib.readers.polygraphy import PolygraphyLoader
from streamcalib.readers.reader import CalibrationReader
from streamcalib.readers.tflite import RepresentativeDataset
from streamcalib.readers.torch import torch_batches, torch_dataset, torch_forward_loop
from streamcalib.readers.view import viewed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike
    from typing import Literal, Unpack

    from streamcalib.readers.asked import Asked
    from streamcalib.readers.rowsource import RowSource
    from streamcalib.readers.steps import Remainder
    from streamcalib.readers.view import Scale
    from streamcalib.recipe import DType, Layout


class Readers:
    """A row source's readers, one method a quantizer; all give the same rows in the same order.

    Keywords that all of them take are described at `reader`. Those of a named quantizer warn,
    through `logging`, of fewer rows than its vendor advises.
    """

    def reader(
        self: RowSource,
        input_name: str | None = None,
        *,
        batch_size: int | None = None,
        remainder: Remainder = "error",
        layout: Layout | None = None,
        scale: Scale | None = None,
        dtype: DType | None = None,
        model: str | PathLike[str] | Literal[False] | None = None,
        any_range: bool = False,
    ) -> CalibrationReader:
        """Return the reader that carries every protocol; see `CalibrationReader`.

        Parameters
        ----------
        input_name
            The graph's image input; by default the one that the rows were made for.
        batch_size
            Rows in a step; by default what ``model`` fixes, else 1.
        remainder
            What becomes of rows that fill no whole step: ``error`` refuses, ``drop`` leaves them
            out, ``pad`` takes the first rows once more.
        layout, scale, dtype
            The rows in another layout, range or dtype; see `viewed`.
        model
            The ONNX file to hold the rows against before anything runs: names, dtype, layout,
            sides, batch size and range of values. By default the one that they were made for, if
            it is still where it was, the package ``onnx`` is installed, and neither another input
            nor another layout, range or dtype is asked for. False holds them against none.
        any_range
            Whether values that look wrong for ``model`` are meant so.

        Raises
        ------
        InputError
            If ``batch_size`` leaves a remainder that is not provided for.
        ModelError
            If the rows do not fit ``model``.
        MissingExtraError
            If ``model`` is given, and the package ``onnx`` is not installed.
        """
        source = viewed(self, layout=layout, scale=scale, dtype=dtype)
        name = input_name or source.input_name
        graph = None
        if model is not None and model is not False:
            graph = check_fit(
                source, model, input_name=name, batch_size=batch_size, any_range=any_range
            )
        elif model is None and name == source.input_name and not (layout or scale or dtype):
            graph = check_own_fit(source, batch_size=batch_size, any_range=any_range)
        if graph is not None and batch_size is None:
            batch_size = graph.batch
        size = 1 if batch_size is None else batch_size
        return CalibrationReader(source, name, batch_size=size, remainder=remainder)

    def modelopt_reader(
        self: RowSource, input_name: str | None = None, **asked: Unpack[Asked]
    ) -> CalibrationReader:
        """Return a reader for ModelOpt's ``quantize(calibration_data_reader=...)``.

        Parameters, and what is raised, as in `reader`.
        """
        return advise("modelopt", Readers.reader(self, input_name, **asked))

    def ort_reader(
        self: RowSource, input_name: str | None = None, **asked: Unpack[Asked]
    ) -> CalibrationReader:
        """Return a reader for ONNX Runtime's ``quantize_static`` and Intel's neural-compressor.

        Parameters, and what is raised, as in `reader`. Give ``quantize_static`` the
        ``extra_options`` of `ort_options`, too.
        """
        return advise("onnxruntime", Readers.reader(self, input_name, **asked))

    def quark_reader(
        self: RowSource, input_name: str | None = None, **asked: Unpack[Asked]
    ) -> CalibrationReader:
        """Return a reader for AMD Quark's ``quantize_model(calibration_data_reader=...)``.

        Quark makes a list of all steps first; rows that are mapped cost it nothing, and of others
        a warning says what they will. Parameters, and what is raised, as in `reader`.
        """
        return advise("quark", Readers.reader(self, input_name, **asked))

    def aimet_reader(
        self: RowSource, input_name: str | None = None, **asked: Unpack[Asked]
    ) -> CalibrationReader:
        """Return the iterable of feeds for AIMET's ``compute_encodings``.

        Parameters, and what is raised, as in `reader`.
        """
        return advise("aimet", Readers.reader(self, input_name, **asked))

    def edge_reader(
        self: RowSource, input_name: str | None = None, **asked: Unpack[Asked]
    ) -> CalibrationReader:
        """Return the iterable of feeds for ai-edge-quantizer, ``NHWC`` by default.

        It makes a list of all steps, only to count them; rows that are mapped cost it nothing, and
        of others a warning says what they will. A generator would be used up by that. Parameters,
        and what is raised, as in `reader`; ``input_name`` is the signature's.
        """
        asked.setdefault("layout", "NHWC")
        return advise("ai-edge-quantizer", Readers.reader(self, input_name, **asked))

    def ort_options(
        self: RowSource,
        input_name: str | None = None,
        *,
        stride: int | None = None,
        extra_options: Mapping[str, Any] | None = None,
        **asked: Unpack[Asked],
    ) -> dict[str, Any]:
        """Return ``extra_options`` for ``quantize_static`` that keep memory flat.

        Parameters
        ----------
        input_name, **asked
            As `ort_reader` was asked, whose steps are counted; raises as `reader`.
        stride, extra_options
            As in `streamcalib.readers.ort.ort_options`; raises as it does.
        """
        steps = len(Readers.reader(self, input_name, **asked))
        return ort_options(steps, stride=stride, extra_options=extra_options)

    def polygraphy_loader(
        self: RowSource, input_name: str | None = None, **asked: Unpack[Asked]
    ) -> PolygraphyLoader:
        """Return a ``data_loader`` for Polygraphy's ``Calibrator`` and its comparators.

        It can be iterated again, for a second network, and refuses a network that takes something
        else; see `PolygraphyLoader`. Parameters, and what is raised, as in `reader`.
        """
        reader = advise("polygraphy", Readers.reader(self, input_name, **asked))
        return PolygraphyLoader(
            reader.source,
            reader.input_name,
            batch_size=reader.batch_size,
            remainder=reader.remainder,
        )

    def nncf_dataset(
        self: RowSource,
        input_name: str | None = None,
        *,
        integers: bool = False,
        **asked: Unpack[Asked],
    ) -> Any:
        """Return an ``nncf.Dataset``; see `streamcalib.readers.nncf.nncf_dataset`.

        Further parameters as in `reader`; raises as both do.
        """
        reader = advise("nncf", Readers.reader(self, input_name, **asked))
        return nncf_dataset(reader, integers=integers)

    def nncf_options(
        self: RowSource,
        input_name: str | None = None,
        *,
        integers: bool = False,  # noqa: ARG002 (decides no number of steps)
        **asked: Unpack[Asked],
    ) -> dict[str, int]:
        """Return what ``nncf.quantize`` needs beside `nncf_dataset`, asked in the same way.

        That is ``subset_size``, in steps: NNCF takes 300 of them and passes over the others in
        silence unless it is told how many there are.
        """
        return {"subset_size": len(Readers.reader(self, input_name, **asked))}

    def representative_dataset(
        self: RowSource,
        input_name: str | None = None,
        *,
        by_name: bool = False,
        **asked: Unpack[Asked],
    ) -> RepresentativeDataset:
        """Return a ``representative_dataset`` for the TFLite converter, ``NHWC`` by default.

        With ``by_name`` its items are dicts. Further parameters, and what is raised, as in
        `reader`.
        """
        asked.setdefault("layout", "NHWC")
        reader = advise("tflite", Readers.reader(self, input_name, **asked))
        return RepresentativeDataset(reader, by_name=by_name)

    def torch_dataset(
        self: RowSource,
        *,
        key: str | None = None,
        layout: Layout | None = None,
        scale: Scale | None = None,
        dtype: DType | None = None,
    ) -> Any:
        """Return a ``torch.utils.data.Dataset`` of rows.

        ``torch_dataset(key="img", scale="0-255")`` gives what Ultralytics' loaders give. See
        `streamcalib.readers.torch.torch_dataset` and `viewed`; raises as they do.
        """
        source = viewed(self, layout=layout, scale=scale, dtype=dtype)
        return torch_dataset(source, key=key)

    def torch_batches(self: RowSource, **asked: Unpack[Asked]) -> Any:
        """Return a ``torch.utils.data.IterableDataset`` of steps as tensors.

        Parameters, and what is raised, as in `reader`.
        """
        return torch_batches(Readers.reader(self, **asked))

    def torch_forward_loop(
        self: RowSource, *, device: Any = None, rows: int | None = None, **asked: Unpack[Asked]
    ) -> Callable[[Any], None]:
        """Return a ``forward_loop`` for ModelOpt's torch quantization.

        See `streamcalib.readers.torch.torch_forward_loop`; further parameters as in `reader`.
        """
        reader = advise("modelopt", Readers.reader(self, **asked))
        return torch_forward_loop(reader, device=device, rows=rows)
