"""NVIDIA ModelOpt's ONNX quantization: found, asked for its options, and given better defaults."""

from __future__ import annotations

import inspect
import io
from contextlib import contextmanager, redirect_stderr
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from streamcalib.errors import InputError, MissingExtraError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping, Sequence

_PACKAGE = "modelopt.onnx.quantization"
_EXTRA = (
    "quantizing needs NVIDIA ModelOpt's ONNX part and ONNX Runtime: pip install "
    '"streamcalib[modelopt]"'
)
_OURS = {
    "onnx_path": "the model is MODEL, the first argument",
    "output_path": "the result's name is said by --out",
    "calibration_data_path": "the data are said by --calibration, --images or --list",
    "trust_calibration_data": "nothing is unpickled here, and there is nothing to trust",
}
_FIXED = ("onnx_path", "output_path", "calibration_data", "calibration_data_reader")
# What ModelOpt's quantize reads from **kwargs, and would pass over in silence if misspelt.
_HIDDEN = (
    "awqclip_alpha_min",
    "awqclip_alpha_step",
    "awqclip_bsz_col",
    "awqlite_alpha_step",
    "awqlite_run_per_subgraph",
    "enable_gemv_detection_for_trt",
    "enable_shared_constants_duplication",
    "gather_block_size",
    "gather_quantize_axis",
)
_RECORDED = ("nvidia-modelopt", "onnxruntime", "onnxruntime-gpu", "onnx", "onnx-graphsurgeon")
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


def find_quantize() -> Callable[..., None]:
    """Return ModelOpt's ``quantize``.

    Raises
    ------
    MissingExtraError
        If it, or something that it needs, is not installed.
    """
    with _needed():
        from modelopt.onnx.quantization import quantize
    found: Callable[..., None] = quantize
    return found


@contextmanager
def _needed() -> Iterator[None]:
    """Name the extra if an import in the block fails."""
    try:
        yield
    except ImportError as error:
        why = printable(str(error).strip().split("\n")[0])
        raise MissingExtraError(f"{_EXTRA} (importing it ended with: {why}).") from error


def keywords_of(arguments: Sequence[str], *, log_level: str = "WARNING") -> dict[str, Any]:
    """Return the keywords of ModelOpt's ``quantize`` that options of its command line stand for.

    ModelOpt's own parser reads them and its own ``main`` turns them into keywords, so that they
    mean here what they mean there. ``log_level`` is the level that is logged if they do not say it.

    Raises
    ------
    InputError
        If ModelOpt has no such option or value, or it is one that this command has itself.
    MissingExtraError
        If ModelOpt is not installed.
    """
    with _needed():
        import modelopt.onnx.quantization.__main__ as imported
    line: Any = imported
    parser = line.get_parser()
    parser.set_defaults(log_level=log_level, calibration_eps=None)
    for action in parser._actions:
        action.required = False
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            chosen = parser.parse_args(list(arguments))
    except SystemExit as end:
        if not end.code:
            raise  # --help, which has been printed
        reason = said.getvalue().strip().rpartition("error: ")[2]
        raise InputError(
            f"ModelOpt does not take the options behind --: {printable(reason)}. 'python -m "
            f"{_PACKAGE} --help' lists them."
        ) from end
    for name, instead in _OURS.items():
        if getattr(chosen, name, None):
            raise InputError(f"--{name} behind --: {instead}. Leave it out.")
    return _translated(line, chosen)


def _translated(line: Any, chosen: Namespace) -> dict[str, Any]:
    """Let ModelOpt's ``main`` turn parsed options into keywords, and call nothing with them."""
    keywords: dict[str, Any] = {}

    def note(_model: str, **given: Any) -> None:
        keywords.update(given)

    # Its check of the model's size is about files that it would read without being told to.
    without_model = SimpleNamespace(**{**vars(chosen), "onnx_path": line.__file__})
    before = line.get_parser, line.quantize
    line.get_parser = lambda: SimpleNamespace(parse_args=lambda: without_model)
    line.quantize = note
    try:
        line.main()
    except (OSError, ValueError) as error:
        raise InputError(f"ModelOpt does not take the options behind --: {error}") from error
    finally:
        line.get_parser, line.quantize = before
    for name in _FIXED:
        keywords.pop(name, None)
    return keywords


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Make sure that ModelOpt's ``quantize`` knows all keywords, and that none is ours.

    Raises
    ------
    InputError
        If it would pass one over in silence, or the caller has said it otherwise.
    """
    if taken := sorted(set(keywords).intersection(_FIXED)):
        raise InputError(f"{taken[0]} is said by model, calibration and out: leave it out.")
    known = {*inspect.signature(find_quantize()).parameters, *_HIDDEN}
    if unknown := sorted(set(keywords) - known):
        raise InputError(f"ModelOpt's quantize takes no {unknown[0]!r}: see help(quantize) of it.")


def with_defaults(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords with what is better said than left to ModelOpt.

    Where it calibrates: on the first GPU if ONNX Runtime can use one, else on the processor.
    ModelOpt's own default tries the processor first on every machine. What it logs: warnings.
    """
    given = {name: value for name, value in keywords.items() if value is not None}
    given.setdefault("quantize_mode", "int8")
    given.setdefault("log_level", "WARNING")
    given.setdefault("calibration_eps", ["cuda:0", "cpu"] if _has_gpu() else ["cpu"])
    # ModelOpt adds to this list.
    given["calibration_eps"] = list(given["calibration_eps"])
    return given


def method_of(keywords: Mapping[str, Any]) -> str:
    """Return the calibration method, ModelOpt's default if none is said."""
    default = "awq_clip" if "int4" in keywords["quantize_mode"] else "entropy"
    return str(keywords.get("calibration_method") or default)


def recorded_options(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that differ from ModelOpt's defaults, and those that matter always."""
    parameters = inspect.signature(find_quantize()).parameters
    differing = {
        name: value
        for name, value in keywords.items()
        if name not in parameters or parameters[name].default != value
    }
    return {
        "quantize_mode": keywords["quantize_mode"],
        "calibration_method": method_of(keywords),
        "calibration_eps": keywords["calibration_eps"],
        **differing,
    }


def _has_gpu() -> bool:
    with _needed():
        import onnxruntime
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return False
    try:
        import pynvml

        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
        pynvml.nvmlShutdown()
    except Exception:  # noqa: BLE001 - whatever it raises, there is no GPU to be had
        return False
    return count > 0


def modelopt_versions() -> dict[str, str]:
    """Return the versions of what quantizes."""
    found = {}
    for package in _RECORDED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def clash() -> str | None:
    """Return what is wrong with the installed ONNX Runtimes, or None."""
    installed = modelopt_versions()
    if not all(name in installed for name in _RUNTIMES):
        return None
    return (
        "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files: "
        "pip uninstall both, then install the one that you want."
    )
