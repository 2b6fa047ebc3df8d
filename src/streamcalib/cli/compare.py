"""``streamcalib compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamcalib.choosing.compare import DRAWS, HELD_OUT, compare
from streamcalib.choosing.comparing.plot import check_plot, draw_plot
from streamcalib.choosing.comparing.table import lines_of
from streamcalib.choosing.comparing.writable import check_file
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.labels.table import LABEL_COLUMN, PATH_COLUMN
from streamcalib.choosing.strategies import POOL_SIZE
from streamcalib.cli import options
from streamcalib.datafile import to_json
from streamcalib.durable import write_text
from streamcalib.errors import OutputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.choosing.comparing.result import Comparison
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.recipe import DType

_STDOUT = "-"


@click.command("compare")
@click.argument("lists", nargs=-1, required=True, metavar="LIST...")
@click.option(
    "--pool",
    required=True,
    metavar="SOURCE",
    help="What the sets are to stand for: a source, as of sample.",
)
@click.option(
    "--pool-size",
    type=int,
    metavar="N",
    help="Images of the pool to take, drawn at random.  [default: with --model "
    f"{POOL_SIZE}, else all]",
)
@options.recipe_options_with(
    "ONNX model whose activations sets and pool are compared by; images become rows as its input "
    "wants them."
)
@options.extra_inputs_to_run
@click.option(
    "--labels",
    metavar="KIND[:FILE]",
    help="Compare class shares, too: coco:FILE, yolo, yolo:DIR, yolo:DATA.yaml, folder or "
    "csv:FILE, as of sample.",
)
@click.option("--label-column", metavar="NAME", help=f"Of csv:FILE.  [default: {LABEL_COLUMN}]")
@click.option("--path-column", metavar="NAME", help=f"Of csv:FILE.  [default: {PATH_COLUMN}]")
@click.option(
    "--draws",
    type=int,
    metavar="N",
    help=f"Random draws of the pool that each set is held against.  [default: {DRAWS}]",
)
@click.option(
    "--quantize",
    is_flag=True,
    help="Compare the model in INT8, with each set's scales by max, percentile and entropy, with "
    "FP32 on images of the pool that are in no set.",
)
@click.option(
    "--held-out",
    type=int,
    metavar="N",
    help=f"With --quantize: on how many images.  [default: {HELD_OUT}]",
)
@options.seed_of("Decides the images of --pool-size, the random draws and the held-out images.")
@options.jobs
@options.extensions
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write every figure as JSON to FILE, or to standard output, and nothing else there, if "
    "FILE is -. A file that is there is replaced.",
)
@click.option(
    "--plot",
    "plot_file",
    metavar="FILE",
    help="Draw the sets among the random draws, by activations, class shares or both, as FILE, "
    "ending in .png or .svg; needs the extra plot. A file that is there is replaced.",
)
@options.quiet_but_json
def command(
    lists: tuple[str, ...],
    pool: str,
    pool_size: int | None,
    model: str | None,
    preset: str | None,
    imgsz: str | None,
    dtype: DType | None,
    recipe_file: str | None,
    extra_inputs: list[ExtraInput],
    labels: str | None,
    label_column: str | None,
    path_column: str | None,
    draws: int | None,
    quantize: bool,
    held_out: int | None,
    seed: int,
    jobs: int | None,
    extensions: tuple[str, ...] | None,
    json_file: str | None,
    plot_file: str | None,
    quiet: bool,
) -> None:
    """Say how well sets of images stand for a pool.

    Each LIST is held against the images of --pool by what they do in --model, and against random
    draws of the same size: how far its activations are distributed from the pool's, how much of
    the largest ones it does not reach, and how far the thresholds of calibrators move. With
    --labels, by the classes that they show: how far their shares are from the pool's, and how many
    are missing. What is measured is kept beside the first LIST, in .streamcalib, where sample
    keeps it, too.
    """
    by_model = {
        "--preset": preset,
        "--imgsz": imgsz,
        "--dtype": dtype,
        "--recipe": recipe_file,
        "--extra-input": extra_inputs or None,
    }
    _check_options(by_model if model is None else {})
    if held_out is not None and not (quantize and held_out > 0):
        raise click.UsageError("--held-out is for --quantize, and begins at 1.")
    classes = _labels(labels, label_column, path_column)
    _check_files(json_file, plot_file)
    recipe = None
    if model is not None:
        recipe = options.chosen_recipe(
            preset=preset,
            recipe_file=recipe_file,
            model=model,
            imgsz=imgsz,
            dtype=dtype,
            input_name=None,
            is_quiet=quiet,
        )
    with options.shown_progress(quiet) as progress:
        found = compare(
            lists,
            pool,
            model=model,
            labels=classes,
            draws=DRAWS if draws is None else draws,
            seed=seed,
            pool_size=pool_size,
            held_out=(held_out or HELD_OUT) if quantize else 0,
            extensions=extensions,
            recipe=recipe,
            extra_inputs=extra_inputs,
            jobs=jobs,
            progress=progress,
        )
    # What is shown is not lost if a file cannot be written after all.
    if not quiet and json_file != _STDOUT:
        click.echo("\n".join(lines_of(found)))
    _write_files(found, json_file, plot_file)


def _check_options(given: dict[str, Any]) -> None:
    for option, value in given.items():
        if value is not None:
            raise click.UsageError(f"{option} is for --model.")


def _labels(
    text: str | None, label_column: str | None, path_column: str | None
) -> LabelSource | None:
    if text is not None:
        return LabelSource.parse(text, label_column=label_column, path_column=path_column)
    if label_column or path_column:
        raise click.UsageError("--label-column and --path-column are for --labels csv:FILE.")
    return None


def _check_files(json_file: str | None, plot_file: str | None) -> None:
    if plot_file is not None:
        check_plot(Path(plot_file))
    if json_file not in (None, _STDOUT):
        check_file(Path(str(json_file)), "--json")


def _write_files(found: Comparison, json_file: str | None, plot_file: str | None) -> None:
    text = to_json(found.to_dict()) + "\n"
    if json_file == _STDOUT:
        click.echo(text, nl=False)
    elif json_file is not None:
        _write(Path(json_file), text)
    if plot_file is not None:
        draw_plot(found, Path(plot_file))


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise OutputError(
            f"--json {printable(str(path))} cannot be written: {error.strerror}."
        ) from error
