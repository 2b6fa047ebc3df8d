"""``python -m benchmarks.choices MODEL IMAGES``: how near chosen sets are to a pool.

Nothing is timed: every number follows from model, images and seeds, whatever else a machine does.
"""

from __future__ import annotations

import argparse
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.__main__ import tell
from benchmarks.errors import AbsentError
from benchmarks.looks import herd, k_center, looks, medoids
from benchmarks.machine import commit
from benchmarks.observed import Images, Standing, means, observed, observed_whole, placed
from benchmarks.report import write_results
from benchmarks.settings import HERE
from streamcalib.choosing.activations.greedy import greedy
from streamcalib.choosing.activations.measuring import Measuring, runtime_version
from streamcalib.errors import StreamcalibError
from streamcalib.images.listing import list_images
from streamcalib.progress import for_stream
from streamcalib.recipe_choice import choose_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLENDS = {"activations": 0.0, "blend": 0.25, "ranges": 1.0}
_SEEDS_OF_LOOKS = 3


class Table(NamedTuple):
    """A table: what it says, its columns, and its lines."""

    title: str
    head: tuple[str, ...]
    lines: Sequence[tuple[str | float, ...]]


class Asked(NamedTuple):
    """Sizes and seeds; the attributes are the options of the command."""

    seed: int
    draws: int
    sizes: tuple[int, ...]
    halves: int
    half_sizes: tuple[int, ...]
    whole: int


def sets(images: Images, asked: Asked) -> Table:
    """Hold sets of each strategy against all images, and against random sets of their size."""
    everything = images.everything
    pool, features = images.pool(everything), images.features(everything, everything)
    lines: list[tuple[str | float, ...]] = []
    for size in asked.sizes:
        among = _drawn(everything, size, asked)
        ks, shortfall = means(pool, among)
        for what, percent in (("median", 50), ("best", 0)):
            values = (float(np.percentile(one, percent)) for one in (ks, shortfall))
            a, b = values
            lines.append((f"random, {what} of {asked.draws:,}", size, a, "", b, ""))
        chosen = [greedy(features, size, blend) for blend in BLENDS.values()]
        for name, place in zip(BLENDS, placed(pool, chosen, among), strict=True):
            lines.append((name, size, *_shares(place)))
    return Table("Sets against the pool", _HEAD, lines)


def blends(images: Images, asked: Asked) -> Table:
    """Give more and more of the steps to the largest magnitudes."""
    everything, size = images.everything, asked.sizes[-1]
    pool, features = images.pool(everything), images.features(everything, everything)
    shares = (0.0, 0.1, 0.25, 0.5, 1.0)
    ks, shortfall = means(pool, [greedy(features, size, share) for share in shares])
    lines = list(zip(shares, ks.tolist(), shortfall.tolist(), strict=True))
    return Table(f"The trade of blend, {size} images", ("blend", "KS", "shortfall"), [*lines])


def unseen(images: Images, asked: Asked) -> Table:
    """Choose on one half of the images and judge on the other, each half in turn."""
    beats: dict[tuple[int, str], list[float]] = {}
    for number in range(asked.halves):
        generator = random.Random(number)  # noqa: S311
        half = sorted(generator.sample(images.everything, len(images) // 2))
        other = sorted(set(images.everything) - set(half))
        for chosen_from, judging in ((half, other), (other, half)):
            pool = images.pool(judging)
            features = images.features(chosen_from, chosen_from)
            for size in asked.half_sizes:
                orders = [greedy(features, size, BLENDS[n]) for n in ("activations", "blend")]
                chosen = [[chosen_from[image] for image in order] for order in orders]
                among = _drawn(chosen_from, size, asked)
                herded, blended, all_of_it = placed(pool, [*chosen, chosen_from], among)
                for name, value in (
                    ("activations", herded.ks_beats),
                    ("the whole half", all_of_it.ks_beats),
                    ("blend, shortfall", blended.shortfall_beats),
                ):
                    beats.setdefault((size, name), []).append(100 * value)
        tell(f"halves {number + 1} of {asked.halves}")
    lines = [
        (name, size, float(np.mean(b)), float(np.median(b)), min(b), sum(x >= 95 for x in b))
        for (size, name), b in beats.items()
    ]
    title = f"Chosen on one half, judged on the other: draws beaten in {2 * asked.halves} cases"
    return Table(title, ("set", "images", "mean %", "median %", "least %", "cases above 95"), lines)


def by_looks(images: Images, paths: Sequence[str], asked: Asked) -> Table:
    """Choose by colours, brightness and edges, without the model."""
    everything, size = images.everything, asked.sizes[-1]
    pool, seen = images.pool(everything), looks(paths)
    chosen = {"herding on looks": herd(seen, size)}
    for seed in range(_SEEDS_OF_LOOKS):
        chosen[f"k-center, seed {seed}"] = k_center(seen, size, seed)
        chosen[f"k-means medoids, seed {seed}"] = medoids(seen, size, seed)
    places = placed(pool, list(chosen.values()), _drawn(everything, size, asked))
    lines = [(name, size, *_shares(p)) for name, p in zip(chosen, places, strict=True)]
    return Table("Chosen by what images look like", _HEAD, lines)


def counted_whole(
    images: Images, measuring: Measuring, paths: Sequence[str], asked: Asked
) -> Table:
    """Say what looking at some of the values adds to the distances of random sets."""
    some = images.first(asked.whole)
    whole = observed_whole(measuring, paths[: asked.whole])
    everything, lines = whole.everything, []
    pools = whole.pool(everything), some.pool(everything)
    for size in (asked.whole // 10, asked.whole // 3):
        among = _drawn(everything, size, asked)
        exact, found = (means(pool, among)[0] for pool in pools)
        error = np.abs(found - exact)
        herded = [greedy(each.features(everything, everything), size) for each in (some, whole)]
        by_some, by_all = means(pools[0], herded)[0].tolist()
        numbers = (np.median(exact), np.median(found), np.median(error), error.max())
        lines.append((size, *map(float, numbers), by_some, by_all))
    head = ("images", "KS of all", "of some", "error", "most", "herded by some", "by all")
    return Table(f"Some of the values against all, {asked.whole} photographs", head, lines)


_HEAD = ("set", "images", "KS", "beats %", "shortfall", "beats %")


def _shares(place: Standing) -> tuple[float, float, float, float]:
    return (place.ks, 100 * place.ks_beats, place.shortfall, 100 * place.shortfall_beats)


def _drawn(among: Sequence[int], size: int, asked: Asked) -> list[list[int]]:
    generator = random.Random(asked.seed)  # noqa: S311
    return [generator.sample(among, size) for _ in range(asked.draws)]


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = [[_cell(*cell) for cell in zip(table.head, one, strict=True)] for one in table.lines]
    rows = [table.head, ["---"] * len(table.head), *lines]
    return "\n".join([f"{table.title}\n", *(f"| {' | '.join(row)} |" for row in rows), ""])


def _cell(column: str, value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if column.endswith("%") else f"{value:.5f}"
    return str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables and write the results; returns 0, or 2 if something is wrong."""
    options = _parser().parse_args(arguments)
    asked = Asked(*(_tuple(getattr(options, name)) for name in Asked._fields))
    try:
        tables = _tables(options, asked)
    except (StreamcalibError, AbsentError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    found = {
        "format": "streamcalib-choices",
        "version": 1,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "model": options.model.name,
        "onnxruntime": runtime_version(),
        "parameters": asked._asdict(),
        "tables": [table._asdict() for table in tables],
    }
    write_results(options.results, found)
    tell(f"written to {options.results}")
    return 0


def _tables(options: argparse.Namespace, asked: Asked) -> list[Table]:
    recipe = choose_recipe(preset=options.preset, model=str(options.model))
    measuring = Measuring.of(options.model, recipe)
    paths = list_images(options.images, options.ext).paths
    images = observed(measuring, paths, for_stream())
    parts: list[Callable[[], Table]] = [
        lambda: sets(images, asked),
        lambda: blends(images, asked),
        lambda: by_looks(images, paths, asked),
        lambda: unseen(images, asked),
    ]
    if asked.whole:
        parts.append(lambda: counted_whole(images, measuring, paths, asked))
    tables = []
    for part in parts:
        tables.append(part())
        sys.stdout.write(markdown(tables[-1]) + "\n")
        sys.stdout.flush()
    return tables


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.choices", description=__doc__)
    add = parser.add_argument
    add("model", type=Path, help="an ONNX graph with one image input")
    add("images", type=Path, help="a folder of images: the pool")
    add("--ext", action="append", metavar="ENDING", help="of images, as of sample; repeatable")
    add("--preset", metavar="NAME", help="how images become rows [as the model says]")
    add("--seed", type=int, default=42, metavar="N", help="of the random draws [42]")
    add("--draws", type=int, default=1000, metavar="N", help="random sets of each size [1000]")
    add("--halves", type=int, default=20, metavar="N", help="by random.Random(0..N-1).sample [20]")
    for option, default, told in (
        ("--sizes", [32, 200, 100], "of sets; of the last one the trade of blend is shown, too"),
        ("--half-sizes", [16, 32, 50, 75], "of sets of a half"),
    ):
        shown = " ".join(map(str, default))
        add(option, type=int, nargs="+", default=default, metavar="N", help=f"{told} [{shown}]")
    add(
        *("--whole",),
        type=int,
        default=0,
        metavar="N",
        help="images of which every value is counted, too, in seconds each [0: none]",
    )
    add(
        *("--results",),
        type=Path,
        default=HERE / "results" / "choices.json",
        metavar="FILE",
        help="where the JSON goes [benchmarks/results/choices.json]",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
