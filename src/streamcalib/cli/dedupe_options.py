"""Options that leave near-duplicates out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamcalib.choosing.dedupe.distinct import DEFAULT_DISTANCE, Dedupe
from streamcalib.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamcalib.progress import Subscriber

_DEDUPE = (
    click.option(
        "--dedupe",
        is_flag=True,
        help="Before choosing, leave out images that look like an earlier one: encoded anew, "
        "resized, cropped a little.",
    ),
    click.option(
        "--dedupe-distance",
        type=int,
        metavar="BITS",
        help="How many of 64 bits of their hashes may differ, 0 to 32.  "
        f"[default: {DEFAULT_DISTANCE}]",
    ),
)


def dedupe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that decide whether near-duplicates are left out."""
    return options.all_of(_DEDUPE, function)


def check_dedupe(dedupe: bool, distance: int | None) -> None:
    """Make sure that a distance is only given where it is used; raises ``click.UsageError``."""
    if distance is not None and not dedupe:
        raise click.UsageError("--dedupe-distance is for --dedupe.")


def chosen_dedupe(
    dedupe: bool, distance: int | None, jobs: int | None, progress: Subscriber, cache: Path
) -> Dedupe | None:
    """Return how near-duplicates are left out, or None if they are not.

    ``cache`` is the folder in which hashes are kept.
    """
    if not dedupe:
        return None
    return Dedupe(
        distance=DEFAULT_DISTANCE if distance is None else distance,
        jobs=jobs,
        progress=progress,
        cache=cache,
    )
