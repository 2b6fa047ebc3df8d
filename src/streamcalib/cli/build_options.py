"""The options of commands that build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.building.options import IMAGE_TIMEOUT_SECONDS, Backend, BuildOptions, OnBad
from streamcalib.cli.options import all_of, cache_window, compression, in_bytes, overwrite, store
from streamcalib.images.reading import MAX_FILE_BYTES
from streamcalib.pixels.decode import MAX_PIXELS
from streamcalib.pixels.turbo import DecoderName

if TYPE_CHECKING:
    from collections.abc import Callable

_IMAGES = (
    click.option(
        "--on-bad",
        type=click.Choice(get_args(OnBad)),
        default="stop",
        help="What to do about bad images: publish nothing, leave them out, or take the list's "
        "spares.",
    ),
    click.option(
        "--max-pixels",
        type=int,
        default=MAX_PIXELS,
        metavar="N",
        help="Larger images, in pixels, are bad.",
    ),
    click.option(
        "--max-file-size",
        "max_file_bytes",
        type=click.FloatRange(min=0, min_open=True),
        default=MAX_FILE_BYTES / 1e6,
        metavar="MB",
        callback=in_bytes,
        help="Larger image files, in 10^6 bytes, are bad.",
    ),
    click.option(
        "--confine",
        is_flag=True,
        help="Read no image outside of --root; without it, of the current folder and the list's, "
        "or of SOURCE. Paths and URLs that lead out are refused, images that links lead out to are "
        "bad; of members of archives, the archive counts.",
    ),
    click.option(
        "--tolerate-damage",
        is_flag=True,
        help="Take what cv2.imread gives for damaged JPEGs instead of calling them bad.",
    ),
    click.option(
        "--decoder",
        type=click.Choice(get_args(DecoderName)),
        default="auto",
        help="JPEG decoder; the bytes are the same. auto: PyTurboJPEG where libturbojpeg is "
        "installed, else simplejpeg.",
    ),
)
_BUILD = (
    click.option(
        "--jobs",
        type=int,
        metavar="N",
        help="Number of workers.  [default: every core that this process may use, or all that a "
        "cluster has]",
    ),
    click.option(
        "--backend",
        type=click.Choice(get_args(Backend)),
        default="loky",
        help="Workers as processes (loky) or threads; or those of a Dask or Ray cluster that runs "
        "already (extras dask, ray).",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Of --backend dask: the scheduler, like tcp://host:8786.  [default: "
        "DASK_SCHEDULER_ADDRESS, or Dask's configuration]",
    ),
    click.option(
        "--address",
        metavar="ADDRESS",
        help="Of --backend ray: the cluster, like host:6379, or auto for one on this host.  "
        "[default: RAY_ADDRESS]",
    ),
    store,
    compression,
    cache_window,
    *_IMAGES,
    click.option(
        "--image-timeout",
        type=float,
        default=IMAGE_TIMEOUT_SECONDS,
        metavar="S",
        help="An image that takes longer, in seconds, is bad, and its worker is ended; on Dask "
        "with everything that the worker's process is at.",
    ),
    overwrite,
)
_RESUME = (
    click.option(
        "--restart",
        is_flag=True,
        help="Discard what an unfinished build of the same output has done.",
    ),
    click.option(
        "--break-lock",
        is_flag=True,
        help="Take the output from a build on another host that is known to be dead.",
    ),
    click.option(
        "--state",
        type=click.Path(),
        metavar="DIR",
        help="Folder for the build's journal.  [default: beside the output; of outputs on network "
        "file systems and behind URLs, ~/.local/state/streamcalib]",
    ),
)


def build_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the fields of `BuildOptions`; the command gets them as ``**build``."""
    return all_of(_BUILD, function)


def image_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the fields of `BuildOptions` that are about images alone."""
    return all_of(_IMAGES, function)


def resume_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the fields of `BuildOptions` that are about an unfinished build."""
    return all_of(_RESUME, function)


def local_jobs(options: dict[str, Any]) -> int | None:
    """Return the number of workers on this machine among a command's arguments."""
    return options["jobs"] if options["backend"] in ("loky", "threading") else None


def taken(options: dict[str, Any]) -> BuildOptions:
    """Return the `BuildOptions` among a command's arguments."""
    return BuildOptions(**options)
