"""A folder beside the output in which ModelOpt works, and from which its result is published."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamcalib.durable import sync
from streamcalib.errors import InputError, ModelError, OutputError, StoppedError, StreamcalibError
from streamcalib.graph_file import load_graph
from streamcalib.lock import OWNER_NAME, FolderLock
from streamcalib.signals import held_back
from streamcalib.staging import empty
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DATA = "_data"
"""What ModelOpt adds to a model's name for the file of its weights, where they are kept apart."""


class Workplace:
    """Where ModelOpt reads the model and writes what it makes.

    Attributes
    ----------
    folder
        The folder, which goes when the work is over.
    model
        A copy of the model in it, with the files of its weights: ModelOpt writes beside what it
        reads.
    out
        Where ModelOpt is to write.
    """

    def __init__(self, folder: Path, model: Path, out: Path) -> None:
        self.folder = folder
        self._given = model
        # ModelOpt takes other endings for no model.
        ending = "" if model.suffix in (".onnx", ".pb") else ".onnx"
        self.model = folder / "model" / (model.name + ending)
        self._final = out
        self.out = folder / out.name

    def publish(
        self, side_files: Sequence[Path], *, keep_others: bool, overwrite: bool = False
    ) -> list[Path]:
        """Put the result under its name: side files and weights before, the model last.

        ``keep_others`` keeps what ModelOpt made on the way, beside the result; what has such a
        name there is replaced with ``overwrite`` alone, and never the model itself. Returns the
        paths of the model and its weights.

        Raises
        ------
        OutputError
            If there is such a file; nothing was published.
        StoppedError
            If a file cannot be written.
        """
        weights = self.out.with_name(self.out.name + _DATA)
        others = [
            path
            for path in sorted(self.folder.glob("*.onnx*"))
            if keep_others and path not in (self.out, weights, *side_files)
        ]
        for path in others:
            self._check_free(self._final.with_name(path.name), overwrite=overwrite)
        files = [*others, *side_files, *filter(Path.exists, (weights,))]
        final = self._final.parent
        try:
            for path in (*files, self.out):
                sync(path)
            with held_back():
                # Weights of another model must never stand beside the old one.
                self._final.unlink(missing_ok=True)
                self._final.with_name(weights.name).unlink(missing_ok=True)
                for path in (*files, self.out):
                    path.replace(final / path.name)
                sync(final)
        except OSError as error:
            raise StoppedError(
                f"{printable(str(self._final))} cannot be written: {error.strerror or error}. Free "
                "space or mend the volume, then run the same command again."
            ) from error
        return [self._final, *(final / path.name for path in files if path == weights)]

    def _check_free(self, there: Path, *, overwrite: bool) -> None:
        """Make sure that a file made on the way replaces nothing that is not to be replaced."""
        if not os.path.lexists(there):
            return
        is_model = os.path.realpath(there) == os.path.realpath(self._given)
        if overwrite and not there.is_dir() and not is_model:
            return
        way = "" if there.is_dir() or is_model else "say --overwrite to replace it, "
        raise OutputError(
            f"{printable(str(there))} is there, and --keep_intermediate_files would replace it: "
            f"{way}leave that option out, or choose another folder for --out. Nothing was "
            "published."
        )


def check_output(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    side_files: Sequence[str],
    *,
    overwrite: bool,
) -> Path:
    """Return the absolute path of the output, once it is clear that it may be written.

    Parameters
    ----------
    side_files
        Names of what will stand beside it.

    Raises
    ------
    OutputError
        If it is no ``.onnx``, is the model itself, has no folder, or something is there that must
        not be replaced.
    InputError
        If ModelOpt would remove a file in the current folder.
    """
    path, shown = Path(out).absolute(), printable(str(out))
    if path.suffix != ".onnx":
        raise OutputError(f"--out {shown} must end in .onnx.")
    if not path.parent.is_dir():
        raise OutputError(f"--out {shown}: the folder {printable(str(path.parent))} is not there.")
    if os.path.realpath(path) == os.path.realpath(model):
        raise OutputError(f"--out {shown} is the model itself: choose another name.")
    for name in (path.name, path.name + _DATA, *side_files):
        there = path.with_name(name)
        if there.is_dir() or (os.path.lexists(there) and not overwrite):
            raise OutputError(
                f"{printable(str(there))} exists: say --overwrite to replace it, or choose another "
                "--out."
                if not there.is_dir()
                else f"{printable(str(there))} is a folder: choose another --out."
            )
    # ModelOpt removes a file of the name of its weights where it runs, not where it writes.
    if Path(path.name + _DATA).exists():
        raise InputError(
            f"{printable(path.name + _DATA)} is in the current folder, and ModelOpt removes what "
            "has this name there, before it is done: move it away, or run this elsewhere."
        )
    return path


@contextmanager
def workplace(model: str | os.PathLike[str], out: Path) -> Iterator[Workplace]:
    """Make a workplace beside the output; when the block ends, however it does, it is gone.

    What is left of one whose process was killed goes when the next one is made.

    What asks for a temporary file meanwhile gets it there.

    Raises
    ------
    OutputError
        If it cannot be made, or something else has its name.
    LockedError
        If another quantization to the same output is running.
    ModelError
        If a file of the model's weights is not there.
    InputError
        If one is outside of the model's folder.
    StoppedError
        If the disk fills or fails meanwhile.
    """
    path = Path(model)
    # Without .onnx in its name: ModelOpt replaces that wherever it stands in a path.
    folder = out.with_name(f".{out.stem.replace('.onnx', '_onnx')}.part")
    lock = _locked(folder, out)
    before = tempfile.tempdir
    try:
        place = Workplace(folder, path, out)
        (folder / "temporary").mkdir()
        copies = {name: place.model.parent / name for name in _weight_files(path)}
        for name, copy in {**copies, path.name: place.model}.items():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path.parent / name, copy)
        tempfile.tempdir = str(folder / "temporary")
        yield place
    except OSError as error:
        if isinstance(error, StoppedError | InputError):
            raise
        place_of_it = f"{printable(str(error.filename))}: " if error.filename else ""
        raise StoppedError(
            f"{place_of_it}{printable(error.strerror or str(error))}: mend it, then run the same "
            "command again."
        ) from error
    finally:
        tempfile.tempdir = before
        with suppress(OSError):
            empty(folder)
        lock.release()


def _locked(folder: Path, out: Path) -> FolderLock:
    """Lock a workplace, and take away what a quantization that was killed has left in it."""
    try:
        lock = FolderLock.take(folder, out)
        try:
            is_foreign = lock.taken_over is None and any(
                not path.name.startswith(OWNER_NAME) for path in folder.iterdir()
            )
            if is_foreign:
                raise OutputError(
                    f"{printable(str(folder))} is in the way and was not made by a quantization: "
                    "move it away, or choose another --out."
                )
            empty(folder)
        except BaseException:
            lock.release()
            raise
    except OSError as error:
        if isinstance(error, StreamcalibError):
            raise
        raise OutputError(
            f"{printable(str(out.parent))} cannot be written to: {error.strerror}."
        ) from error
    return lock


def _weight_files(model: Path) -> list[str]:
    """Return the files, relative to a model's folder, in which its weights are kept apart."""
    found: dict[str, None] = {}
    graphs = [load_graph(model).graph]
    while graphs:
        graph = graphs.pop()
        for tensor in _tensors(graph, graphs):
            for entry in tensor.external_data:
                if entry.key == "location":
                    found[entry.value] = None
    outside = [name for name in found if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise InputError(
            f"{printable(str(model))} keeps weights outside of its folder, in "
            f"{printable(outside[0])}: that is not allowed."
        )
    missing = [name for name in found if not (model.parent / name).is_file()]
    if missing:
        raise ModelError(
            f"{printable(str(model))} keeps weights in {printable(missing[0])}, which is not there "
            "as a file: put it beside the model."
        )
    return list(found)


def _tensors(graph: Any, inner: list[Any]) -> Iterator[Any]:
    """Yield a graph's tensors, and note the graphs inside of its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                inner.append(attribute.g)
            inner.extend(attribute.graphs)
