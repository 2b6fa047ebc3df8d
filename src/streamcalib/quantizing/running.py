"""ModelOpt run on one model, its failures put to people."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from streamcalib.errors import QuantizerError, StoppedError, StreamcalibError
from streamcalib.graph_file import load_graph
from streamcalib.quantizing.modelopt import clash, find_quantize
from streamcalib.quantizing.saying import kept_readable
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.quantizing.fed import FedReader
    from streamcalib.quantizing.workplace import Workplace

_QDQ = frozenset({"QuantizeLinear", "DequantizeLinear"})
# What ModelOpt's exceptions hold, and what mends it.
_MENDS = (
    ("tensorrt", "This option needs TensorRT, which is not part of the extra modelopt."),
    ("cudnn", "Calibrate on the processor: --calibration_eps cpu behind --."),
    ("cuda", "Calibrate on the processor: --calibration_eps cpu behind --."),
    (
        "invalid dimensions",
        "The graph takes another batch than it declares: say --batch-size.",
    ),
    ("too many bins", "A tensor is always 0: take --calibration_method max behind --."),
)


def run_modelopt(
    place: Workplace, reader: FedReader, keywords: Mapping[str, Any], shown: str
) -> None:
    """Quantize the model in a workplace.

    Parameters
    ----------
    reader
        The rows; all must be asked for.
    keywords
        Of ModelOpt's ``quantize``.
    shown
        What the model is called in messages.

    Raises
    ------
    StreamcalibError
        What reading raised, even if ModelOpt went on.
    QuantizerError
        If ModelOpt fails, or what it wrote is not quantized.
    StoppedError
        If memory or disk do not suffice.
    """
    quantize = find_quantize()
    try:
        with kept_readable(str(keywords["log_level"])):
            quantize(
                str(place.model),
                calibration_data_reader=reader,
                output_path=str(place.out),
                **keywords,
            )
    except StreamcalibError:
        raise
    except MemoryError as error:
        raise StoppedError(
            f"there is not enough memory to quantize {shown}: take a smaller --batch-size, or "
            "--calibrate_per_node behind --."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise _failure(error, shown) from error
        raise StoppedError(
            f"ModelOpt could not write: {error.strerror}. Free space, then run the same command "
            "again."
        ) from error
    except (Exception, SystemExit) as error:
        raise (reader.error or _failure(error, shown)) from error
    if reader.error is not None:
        raise reader.error
    _check_result(place.out, shown, may_be_plain=bool(keywords.get("autotune")))
    if keywords["quantize_mode"] in ("int8", "fp8") and reader.steps < len(reader):
        raise QuantizerError(
            f"ModelOpt took {reader.steps} of {len(reader)} steps and ended: its scales would be "
            "those of a part of the rows. Nothing was published."
        )


def _failure(error: BaseException, shown: str) -> QuantizerError:
    last = (str(error).strip() or "no message").split("\n")[-1].strip()
    everything = f"{type(error).__name__} {error}".lower()
    mends = [mend for sign, mend in _MENDS if sign in everything]
    mend = clash() or (mends[0] if mends else "")
    message = (
        f"ModelOpt failed on {shown}: {type(error).__name__}, {printable(last)}. Nothing was "
        f"published. {mend or 'With --log_level INFO behind -- it tells what it was doing.'}"
    )
    return QuantizerError(message)


def _check_result(path: Path, shown: str, *, may_be_plain: bool) -> None:
    if not path.is_file():
        raise QuantizerError(f"ModelOpt ended without a word and wrote nothing for {shown}.")
    if not may_be_plain and not is_quantized(path):
        raise QuantizerError(
            f"ModelOpt found nothing to quantize in {shown}: the result would be the model as it "
            "was, and nothing was published. Look at --op_types_to_quantize, --nodes_to_quantize "
            "and their like behind --."
        )


def is_quantized(model: Path) -> bool:
    """Whether an ONNX file has nodes that quantize or dequantize; raises as `load_graph`."""
    return any(node.op_type in _QDQ for node in load_graph(model).graph.node)
