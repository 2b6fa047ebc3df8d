"""A live set: the rows of a build that is never written, made from images while they are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from streamcalib.building.agreement import agreed_name, agreed_recipe, checked_extras
from streamcalib.building.options import BuildOptions, OnBad, worker_count
from streamcalib.building.prepare import check_spares, confines_of
from streamcalib.errors import Failure, InputError
from streamcalib.graph import read_image_input
from streamcalib.images.listfile import ImageList
from streamcalib.living.again import MadeAgain
from streamcalib.living.ahead import CanvasesAhead
from streamcalib.living.making import Making
from streamcalib.living.survey import Surveyed, survey
from streamcalib.pixels.encode import Encoder
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.progress import Subscriber, ignore
from streamcalib.readers.named import Readers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe import Recipe


class LiveKeywords(TypedDict, total=False):
    """The fields of `BuildOptions` that a live set has, too."""

    jobs: int | None
    on_bad: OnBad
    max_pixels: int
    max_file_bytes: int
    confine: bool
    tolerate_damage: bool
    decoder: DecoderName


def live(
    images: ImageList | str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    recipe: Recipe | None = None,
    model: str | PathLike[str] | None = None,
    input_name: str | None = None,
    extra_inputs: Sequence[ExtraInput] = (),
    progress: Subscriber | None = None,
    **options: Unpack[LiveKeywords],
) -> LiveSet:
    """Return a set of images whose rows are made while they are read; nothing is written.

    It has the readers of a calibration set, and its rows are those of a build of the same list,
    bit for bit. Every image is looked at once before, so that bad ones are known; see `survey`.

    Parameters
    ----------
    images, recipe, model, input_name, extra_inputs
        As in `build`.
    progress
        Called with a `Progress` while images are looked at; by default nobody is told.
    **options
        Fields of `BuildOptions`: jobs (threads), on_bad, max_pixels, max_file_bytes, confine,
        tolerate_damage, decoder.

    Raises
    ------
    InputError
        If something is wrong with what was given.
    BadImagesError
        If images are bad, and ``on_bad`` does not provide for them; its ``failures`` are all.
    StoppedError
        If images lie behind URLs, and their server cannot be reached.
    """
    chosen = BuildOptions(backend="threading", **options)
    listed = ImageList.of(images)
    graph = None if model is None else read_image_input(model, input_name)
    recipe = agreed_recipe(recipe, graph)
    name = agreed_name(input_name, graph)
    # Nothing is stored: what an .npz can hold, a live set can.
    extras = checked_extras(extra_inputs, graph, "npz", name)
    find_decoder(chosen.decoder)
    check_spares(listed, chosen)
    jobs = worker_count(chosen)
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1, not {jobs}.")
    making = Making(
        recipe=recipe,
        bases=listed.bases,
        confines=confines_of(listed, chosen),
        decoder=chosen.decoder,
        max_pixels=chosen.max_pixels,
        max_file_bytes=chosen.max_file_bytes,
        tolerate_damage=chosen.tolerate_damage,
    )
    listed.check_present()
    surveyed = survey(listed, making, on_bad=chosen.on_bad, jobs=jobs, notify=progress or ignore)
    model_path = None if model is None else os.path.abspath(model)  # noqa: PTH100 (keeps links)
    return LiveSet(listed, making, surveyed, name, model_path, extras, jobs)


class LiveSet(Readers):
    """Rows made from images while they are read; a row source for readers.

    Pickles and copies by list and recipe: whoever gets a copy makes rows of their own. Not made by
    hand, but by `live`.

    Attributes
    ----------
    images
        The list.
    making
        How images become canvases, the recipe among it.
    surveyed
        Which image every row is of, and which are bad.
    input_name, model_path, extra_inputs
        As those of a calibration set.
    jobs
        Number of threads that make rows.
    """

    def __init__(
        self,
        images: ImageList,
        making: Making,
        surveyed: Surveyed,
        input_name: str,
        model_path: str | None,
        extra_inputs: Mapping[str, ExtraInput],
        jobs: int,
    ) -> None:
        self.images, self.making, self.surveyed = images, making, surveyed
        self.input_name, self.model_path = input_name, model_path
        self.extra_inputs, self.jobs = extra_inputs, jobs
        self._encoder = Encoder(making.recipe)
        self._made = MadeAgain(images, making, surveyed)
        self._ahead: CanvasesAhead | None = None

    @property
    def shown(self) -> str:
        """The list's name in messages."""
        return self.images.label

    @property
    def recipe(self) -> Recipe:
        """What the rows are."""
        return self.making.recipe

    @property
    def observed_range(self) -> None:
        """Not known: values were not looked at, and are the recipe's by making."""
        return

    @property
    def is_mapped(self) -> bool:
        """Whether `rows` gives views of a file; it never does."""
        return False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows: ``(N, 3, H, W)`` or ``(N, H, W, 3)``."""
        return (len(self), *self.recipe.row_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the rows."""
        return np.dtype(self.recipe.dtype)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The bad images, which were left out or replaced."""
        return self.surveyed.failures

    def __len__(self) -> int:
        return len(self.surveyed.sources)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous and fresh.

        Read in order, the next ones are made meanwhile; see `CanvasesAhead`.

        Raises
        ------
        StreamcalibError
            As `MadeAgain.canvas` does.
        """
        canvases = self.canvases(start, stop)
        rows = np.empty((len(canvases), *self.recipe.row_shape), self.recipe.dtype)
        self._encoder.encode(canvases, rows)
        return rows

    def canvases(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the canvases of rows ``start`` to ``stop``: (stop - start, 3, H, W), 0..255.

        Raises as `rows`.
        """
        start, stop, _ = slice(start, stop).indices(len(self))
        shape = (max(stop - start, 0), 3, self.recipe.height, self.recipe.width)
        canvases = np.empty(shape, np.uint8)
        if self._ahead is None or self._ahead.process != os.getpid():
            # Threads do not live on in a process that was forked.
            self._ahead = CanvasesAhead(self._made.canvas, len(self), self.jobs)
        if len(canvases):
            self._ahead.read(start, canvases)
        return canvases

    def batches(self, size: int) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, ``size`` at a time, the last batch perhaps short.

        Raises
        ------
        InputError
            If ``size`` is below 1.
        """
        if size < 1:
            raise InputError(f"a batch has at least 1 row, not {size}.")
        return (self.rows(start, start + size) for start in range(0, len(self), size))

    def close(self) -> None:
        """Let the threads end that make rows ahead; reading begins them again."""
        if self._ahead is not None:
            self._ahead.close()

    def entry(self, row: int) -> str:
        """Return the image that a row is of, as the list names it."""
        return self._made.entry(row)

    def __repr__(self) -> str:
        return f"<LiveSet of {self.shown}: {self.shape} {self.dtype.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        held = (self.images, self.making, self.surveyed, self.input_name, self.model_path)
        return LiveSet, (*held, dict(self.extra_inputs), self.jobs)
