"""The main job on photographs made on the spot, for whoever has no data set at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from streamcalib.building.prepare import worker_count
from streamcalib.durable import replaced
from streamcalib.errors import OutputError
from streamcalib.plan import Plan, make_plan
from streamcalib.publish import free_bytes
from streamcalib.recipe import Recipe
from streamcalib.run import RunResult, prepare_run, run_prepared, set_name
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from streamcalib.building.prepare import BuildOptions
    from streamcalib.progress import Subscriber

# Heights and widths in pixels with their share, as in COCO train2017, rounded.
_SIZES = ((480, 640), (640, 480), (427, 640), (640, 427), (426, 640), (640, 640), (375, 500))
_SHARES = (0.45, 0.15, 0.16, 0.06, 0.08, 0.04, 0.06)
_OCTAVES = 8
_QUALITY = 93
_SPARE_SHARE = 10
# Grain that brings the mean file to COCO's 165 kB at this quality.
_GRAIN = 8.0


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


def make_photographs(folder: Path, count: int, seed: int) -> None:
    """Write ``count`` JPEG files of COCO-like sizes and weights; those already there stay.

    Names, sizes and pixels depend on ``seed`` and the number in the name alone.
    """
    for number in range(count):
        path = folder / f"{number:012d}.jpg"
        if not path.exists():
            generator = np.random.default_rng([abs(seed), int(seed < 0), number])
            with replaced(path) as part:
                part.write_bytes(_jpeg(generator))


def photograph(height: int, width: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture (height, width, 3) BGR that costs a decoder what a photograph does.

    Noise in octaves, as strong at each scale as in natural images, a few objects with edges, and
    the grain of a sensor.
    """
    image = np.full((height, width, 3), 110, np.float32)
    image += generator.normal(0, 25, 3).astype(np.float32)
    for octave in range(_OCTAVES):
        cells = (2**octave + 2, 2**octave + 2, 3)
        coarse = generator.normal(0, 45 / (octave + 1) ** 1.2, cells).astype(np.float32)
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(generator.integers(3, 12))):
        _draw_object(image, generator)
    image += generator.normal(0, _GRAIN, image.shape).astype(np.float32)
    return image.clip(0, 255).astype(np.uint8)


def _draw_object(image: NDArray[np.float32], generator: np.random.Generator) -> None:
    height, width = image.shape[:2]
    shape = np.zeros((height, width), np.uint8)
    center = (int(generator.integers(width)), int(generator.integers(height)))
    axes = (int(generator.integers(8, width // 4)), int(generator.integers(8, height // 4)))
    cv2.ellipse(shape, center, axes, float(generator.uniform(0, 180)), 0, 360, (1,), -1)
    image[shape.astype(bool)] += generator.normal(0, 45, 3).astype(np.float32)


def _jpeg(generator: np.random.Generator) -> bytes:
    height, width = _SIZES[generator.choice(len(_SIZES), p=_SHARES)]
    full_colour = generator.random() < 0.5
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        if full_colour
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    )
    settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, data = cv2.imencode(".jpg", photograph(height, width, generator), settings)
    return data.tobytes()
