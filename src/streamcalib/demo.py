"""The main job on photographs made on the spot, for whoever has no data set at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.building.options import worker_count
from streamcalib.errors import OutputError
from streamcalib.photographs import make_photographs
from streamcalib.plan import Plan, make_plan
from streamcalib.publish import free_bytes
from streamcalib.recipe import Recipe
from streamcalib.run import RunResult, prepare_run, run_prepared, set_name
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike

    from streamcalib.building.options import BuildOptions
    from streamcalib.progress import Subscriber

_SPARE_SHARE = 10


def demo(
    out: str | PathLike[str],
    *,
    count: int = 100,
    seed: int = 42,
    options: BuildOptions | None = None,
    progress: Subscriber | None = None,
) -> RunResult:
    """Make photographs and build a calibration set of ``count`` of them, in the folder ``out``.

    A tenth more are made than chosen, so that there are spares.

    The photographs go to a folder below ``out/images``, named by seed and number; list and set as
    a run leaves them. The same again builds nothing.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    StreamcalibError
        As a run does.
    """
    plan_demo(out, count, options)
    made = count + -(-count // _SPARE_SHARE)
    folder = Path(out) / "images" / f"seed{seed}_{made}"
    _refuse_other_demo(Path(out), folder, options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make_photographs(folder, made, seed)
    except OSError as error:
        raise OutputError(
            f"the demo's folder {printable(str(out))} cannot be written: {error.strerror}."
        ) from error
    prepared = prepare_run(folder, count, out, seed=seed, options=options)
    # Made photographs and their list are nothing to keep in git.
    return run_prepared(prepared, progress, gitignore=False)


def _refuse_other_demo(out: Path, folder: Path, options: BuildOptions | None) -> None:
    """Refuse to build over a demo of another count or seed before its photographs are made."""
    there = (out / set_name(Recipe.yolo11(), "npy")).exists() and not folder.exists()
    if there and not (options and options.overwrite):
        raise OutputError(
            f"{printable(str(out))} holds a demo of another --count or --seed. To replace its set, "
            "say --overwrite; or choose another --out."
        )


def plan_demo(out: str | PathLike[str], count: int, options: BuildOptions | None = None) -> Plan:
    """Plan a demo, and refuse it before a photograph is made if it cannot fit.

    Raises
    ------
    InputError
        If ``count`` is below 1, or the disk too small or not writable.
    """
    recipe = Recipe.yolo11()
    return make_plan(
        rows=count,
        recipe=recipe,
        container="npy",
        jobs=worker_count(options),
        free_bytes=free_bytes(Path(out).absolute() / set_name(recipe, "npy")),
    )
