"""The options of a build."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

import joblib

from streamcalib.building.clusters.cluster import check_addresses
from streamcalib.errors import InputError
from streamcalib.images.reading import MAX_FILE_BYTES
from streamcalib.manifest import StoreKind
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.turbo import DecoderName
from streamcalib.stores.compression import COMPRESSIONS, Compression
from streamcalib.stores.writeback import CACHE_WINDOW_BYTES

if TYPE_CHECKING:
    import os

LocalBackend = Literal["loky", "threading"]
Backend = Literal[LocalBackend, "dask", "ray"]
OnBad = Literal["stop", "skip", "replace"]

IMAGE_TIMEOUT_SECONDS = 60.0


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


def worker_count(options: BuildOptions | None) -> int:
    """Return the number of workers asked for, by default all cores that joblib says are ours."""
    if options is None or options.jobs is None:
        return int(joblib.cpu_count())
    return options.jobs
