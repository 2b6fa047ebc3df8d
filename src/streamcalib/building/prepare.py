"""Everything that is checked and decided before a build writes its first byte."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

import joblib

from streamcalib.building.agreement import agreed_name, agreed_recipe, check_shared, checked_extras
from streamcalib.building.clusters.cluster import CLUSTERS, check_addresses
from streamcalib.building.clusters.joining import cluster_size
from streamcalib.building.existing import Wanted, complete_set, set_to_extend
from streamcalib.errors import InputError, ListError, OutputError
from streamcalib.graph import read_image_input
from streamcalib.images.confining import Confines, check_names
from streamcalib.images.reading import MAX_FILE_BYTES
from streamcalib.manifest import StoreKind
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.turbo import DecoderName, find_decoder
from streamcalib.plan import Container, Plan, make_plan
from streamcalib.publish import check_side_files, free_space
from streamcalib.publish_remote import check_remote
from streamcalib.remotepath import SetPath, set_path
from streamcalib.stores.compression import COMPRESSIONS, Compression
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES
from streamcalib.wording import printable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from streamcalib.calibset import CalibrationSet
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.graph import ImageInput
    from streamcalib.images.listfile import ImageList
    from streamcalib.recipe import Recipe

LocalBackend = Literal["loky", "threading"]
Backend = Literal[LocalBackend, "dask", "ray"]
OnBad = Literal["stop", "skip", "replace"]

IMAGE_TIMEOUT_SECONDS = 60.0
_CONTAINERS: dict[str, Container] = {".npy": "npy", ".npz": "npz", ".zarr": "zarr"}


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """How a build goes about it; nothing here changes a good image's row.

    Attributes
    ----------
    jobs
        Number of workers; by default all cores that this process may use, or all of a cluster's.
    backend
        joblib's backend: ``loky`` (processes) or ``threading``; ``dask`` or ``ray`` for the
        workers of a cluster that is there already.
    scheduler
        Of ``dask``: the scheduler's address; by default what Dask's configuration says.
    address
        Of ``ray``: the cluster's address; by default ``RAY_ADDRESS``.
    on_bad
        What becomes of a set with bad images: ``stop``, ``skip`` or ``replace``.
    overwrite
        Replace an output that was built from another recipe or list.
    store
        What the set holds on disk: ``final`` values, or the ``uint8`` canvas, which is encoded
        when it is read. By default canvases in a ``.zarr``, final values elsewhere.
    compression
        Of a ``.zarr``: ``none``, ``zstd`` or ``blosc`` (with LZ4), each at its fastest.
    cache_window
        What the build may hold of its output in the page cache, in bytes, over all workers.
    max_pixels
        Limit on an image's pixels.
    max_file_bytes
        Limit on an image's file, in bytes.
    confine
        Read no image outside of the list's root, or without a root outside of the folders from
        which its paths start. Paths that lead there are refused at once; of links, see `Confines`.
    tolerate_damage
        Take what ``cv2.imread`` gives for damaged JPEGs.
    decoder
        ``auto``, ``pyturbojpeg`` or ``simplejpeg``.
    image_timeout
        An image that takes longer, in seconds, is bad; workers that are threads cannot be ended,
        and of theirs it is only said. On a cluster the worker's process ends itself.
    restart
        Discard what an unfinished build of the output has done.
    extend
        If the output is a set of a list with which this one begins, keep its rows.
    break_lock
        Take the output from a build on another host though it may be running.
    state
        Folder for the journal; by default it stands beside the output, or, if that lies on a
        network file system, in the user's own folder for state.

    Raises
    ------
    InputError
        If an option is out of range.
    """

    jobs: int | None = None
    backend: Backend = "loky"
    scheduler: str | None = None
    address: str | None = None
    on_bad: OnBad = "stop"
    overwrite: bool = False
    store: StoreKind | None = None
    compression: Compression = "none"
    cache_window: int = CACHE_WINDOW_BYTES
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    confine: bool = False
    tolerate_damage: bool = False
    decoder: DecoderName = "auto"
    image_timeout: float = IMAGE_TIMEOUT_SECONDS
    restart: bool = False
    extend: bool = False
    break_lock: bool = False
    state: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.backend not in get_args(Backend):
            raise InputError(f"--backend must be {' or '.join(get_args(Backend))}.")
        check_addresses(self.backend, self.scheduler, self.address)
        if self.on_bad not in get_args(OnBad):
            raise InputError(f"--on-bad must be {', '.join(get_args(OnBad))}, not {self.on_bad!r}.")
        if self.decoder not in get_args(DecoderName):
            raise InputError(f"--decoder must be {', '.join(get_args(DecoderName))}.")
        if self.store is not None and self.store not in get_args(StoreKind):
            raise InputError(f"--store must be {' or '.join(get_args(StoreKind))}.")
        if self.compression not in COMPRESSIONS:
            raise InputError(f"--compression must be {' or '.join(COMPRESSIONS)}.")
        if self.cache_window < 1:
            raise InputError("--cache-window must be above 0.")
        if self.max_pixels < 1:
            raise InputError(f"--max-pixels must be at least 1, not {self.max_pixels}.")
        if not 0 < self.image_timeout < math.inf:
            raise InputError(f"--image-timeout must be above 0, not {self.image_timeout:g}.")
        if self.max_file_bytes < 1:
            raise InputError("--max-file-size must be above 0.")


class BuildKeywords(TypedDict, total=False):
    """The fields of `BuildOptions`, as keyword arguments."""

    jobs: int | None
    backend: Backend
    scheduler: str | None
    address: str | None
    on_bad: OnBad
    overwrite: bool
    store: StoreKind | None
    compression: Compression
    cache_window: int
    max_pixels: int
    max_file_bytes: int
    confine: bool
    tolerate_damage: bool
    decoder: DecoderName
    image_timeout: float
    restart: bool
    extend: bool
    break_lock: bool
    state: str | os.PathLike[str] | None


@dataclass(frozen=True, kw_only=True)
class PreparedBuild:
    """A build that can go ahead, or one that is already complete.

    Attributes
    ----------
    complete
        The finished set, if the output already holds exactly what was asked for.
    extends
        The finished set whose rows are kept, if it is to be extended.
    confines
        Where the images must lie, or None if anywhere.
    """

    images: ImageList
    out: SetPath
    recipe: Recipe
    graph: ImageInput | None
    input_name: str
    extra_inputs: dict[str, ExtraInput]
    options: BuildOptions
    plan: Plan
    complete: CalibrationSet | None
    extends: CalibrationSet | None = None
    confines: Confines | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and likely wrong, each in a sentence with its mend."""
        batch = self.graph.batch if self.graph else None
        if not batch or len(self.images) % batch == 0:
            return ()
        warning = (
            f"the model takes batches of {batch}, and {len(self.images)} rows are no multiple: "
            f"ModelOpt's larger last parts will not fit the graph. Choose a multiple of {batch}."
        )
        return (warning,)


def prepare(
    images: ImageList,
    out: str | os.PathLike[str],
    *,
    recipe: Recipe | None,
    model: str | os.PathLike[str] | None,
    input_name: str | None,
    extra_inputs: Sequence[ExtraInput],
    options: BuildOptions,
) -> PreparedBuild:
    """Check a build's inputs and output, and plan it. Nothing is written.

    Raises
    ------
    InputError
        Or one of its kinds: whatever is wrong, with the mend.
    """
    path = set_path(out, options.state)
    container = _container(path)
    graph = None if model is None else read_image_input(model)
    recipe = agreed_recipe(recipe, graph)
    store = _agreed_store(options, container, recipe)
    name = agreed_name(input_name, graph)
    extras = checked_extras(extra_inputs, graph, container, name)
    find_decoder(options.decoder)
    _check_spares(images, options)
    backend = options.backend if worker_count(options) > 1 else "threading"
    check_shared(images, path, backend)
    confines = _confines(images, options)
    wanted = Wanted(
        recipe=recipe,
        store=store,
        input_name=name,
        extra_inputs=extras,
        tolerate_damage=options.tolerate_damage,
        max_pixels=options.max_pixels,
        max_file_bytes=options.max_file_bytes,
        confines=confines,
    )
    extends, complete = _found(path, images, wanted, options)
    plan = make_plan(
        rows=len(images),
        recipe=recipe,
        container=container,
        store=store,
        compression=options.compression,
        jobs=_worker_count(options, container, complete is not None),
        free_bytes=free_space(path, complete is not None),
    )
    if complete is None:
        check_side_files(path)
        images.check_present()
    return PreparedBuild(
        images=images,
        out=path,
        recipe=recipe,
        graph=graph,
        input_name=name,
        extra_inputs=extras,
        options=options,
        plan=plan,
        complete=complete,
        extends=extends,
        confines=confines,
    )


def _found(
    path: SetPath, images: ImageList, wanted: Wanted, options: BuildOptions
) -> tuple[CalibrationSet | None, CalibrationSet | None]:
    """Return the set that is to be extended, or else the one that is complete already, if any."""
    if options.extend and (extends := set_to_extend(path, images, wanted)) is not None:
        return extends, None
    return None, complete_set(path, images, wanted, overwrite=options.overwrite)


def _check_spares(images: ImageList, options: BuildOptions) -> None:
    if options.on_bad == "replace" and not images.spares:
        raise ListError(
            f"--on-bad replace needs spares, and {images.label} has none: make the list with "
            "'streamcalib sample', and keep its .json side file beside it unchanged."
        )


def _confines(images: ImageList, options: BuildOptions) -> Confines | None:
    if not options.confine:
        return None
    confines = Confines.of(images.within or images.bases)
    check_names(images, confines)
    return confines


def _container(path: SetPath) -> Container:
    check_remote(path)
    if path.suffix not in _CONTAINERS:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise OutputError(f"the output {printable(path.name)} {ending}: use .npy, .npz or .zarr.")
    return _CONTAINERS[path.suffix]


def _agreed_store(options: BuildOptions, container: Container, recipe: Recipe) -> StoreKind:
    store = options.store or ("uint8" if container == "zarr" else "final")
    if options.compression != "none" and container != "zarr":
        raise InputError(
            f"--compression {options.compression} needs a .zarr output: an .{container} is mapped "
            "as it is."
        )
    if store == "uint8" and container == "npz":
        raise InputError(
            "--store uint8 needs an .npy or .zarr output: an .npz is for the quantizer, which "
            "takes final values only. Build an .npy, and finalize that to an .npz."
        )
    # A recipe of plain uint8 rows has them on disk either way.
    return "final" if (recipe.dtype, recipe.layout) == ("uint8", "NCHW") else store


def _worker_count(options: BuildOptions, container: Container, is_complete: bool) -> int:
    if options.backend not in CLUSTERS or is_complete:
        return worker_count(options)
    size = cluster_size(options, container)
    return size if options.jobs is None else min(size, options.jobs)


def worker_count(options: BuildOptions | None) -> int:
    """Return the number of workers asked for, by default all cores that joblib says are ours."""
    if options is None or options.jobs is None:
        return int(joblib.cpu_count())
    return options.jobs
