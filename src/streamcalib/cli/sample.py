"""``streamcalib sample``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamcalib.choosing.caches.folder import FOLDER, beside
from streamcalib.choosing.sample import sample
from streamcalib.choosing.saving import check_list, save_list
from streamcalib.cli import dedupe_options, options, strategy_options
from streamcalib.cli.telling import tell_choice, tell_list

if TYPE_CHECKING:
    from streamcalib.choosing.coco import Split


@click.command("sample")
@click.argument("source", required=False)
@options.coco
@options.split
@options.count
@options.seed
@strategy_options.strategy_options
@dedupe_options.dedupe_options
@options.jobs
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="The list to write, ending in .txt. What is measured to choose it is kept beside it, in "
    f"{FOLDER}.",
)
@options.extensions
@click.option(
    "--relative-to", metavar="DIR", help="Write paths relative to DIR.  [default: current folder]"
)
@click.option("--absolute", is_flag=True, help="Write absolute paths.")
@click.option(
    "--spares",
    type=int,
    metavar="N",
    help="Further images to keep for bad ones.  [default: a tenth of --count, at least 10]",
)
@click.option(
    "--gitignore/--no-gitignore",
    default=None,
    help="Make the list's folder ignore sets, and keep the list tracked.  [default: on inside a "
    "git work tree]",
)
@options.overwrite_of("Replace another list, or another file, of the name --out.")
@options.dry_run_that("Choose, and print the choice; write no list. What is measured is kept.")
@options.quiet_but_plan
def command(
    source: str | None,
    coco: str | None,
    split: Split | None,
    count: int,
    seed: int,
    dedupe: bool,
    dedupe_distance: int | None,
    jobs: int | None,
    out: str,
    extensions: tuple[str, ...] | None,
    relative_to: str | None,
    absolute: bool,
    spares: int | None,
    gitignore: bool | None,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    **strategy: Any,
) -> None:
    """Choose images, at random by default, and write them as a list.

    SOURCE is a folder (searched whole), a glob in quotes, another list ending in .txt, a .zip or
    uncompressed .tar (never extracted), shards as 'shards-{000000..000099}.tar', or a URL like
    s3://BUCKET/FOLDER/. An archive gives the same choice as its extracted folder. The default rule
    is random.Random(seed).sample(sorted(paths), count): the same seed gives the same list for ever.
    """
    if absolute and relative_to is not None:
        raise click.UsageError("--absolute and --relative-to exclude each other.")
    if jobs is not None and jobs < 1:
        raise click.UsageError(f"--jobs must be at least 1, not {jobs}.")
    check_list(out, count=None if overwrite or dry_run else count)
    dedupe_options.check_dedupe(dedupe, dedupe_distance)
    cache = beside(out)
    asked = {**strategy, "coco": coco, "split": split, "jobs": jobs, "cache": cache}
    with options.shown_progress(quiet) as progress:
        images = sample(
            options.chosen_source(source, coco, split),
            count,
            seed=seed,
            extensions=extensions,
            relative_to=relative_to,
            absolute=absolute,
            spares=spares,
            dedupe=dedupe_options.chosen_dedupe(dedupe, dedupe_distance, jobs, progress, cache),
            strategy=strategy_options.chosen_strategy(asked, progress),
        )
    if dry_run:
        tell_choice(images, out)
        return
    saved = save_list(images, out, overwrite=overwrite, gitignore=gitignore)
    if not quiet:
        tell_list(saved)
