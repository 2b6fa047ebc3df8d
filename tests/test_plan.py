"""The plan of a build: sizes in bytes, tasks, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import smallsets
from messages import text_of
from streamcalib import build
from streamcalib.errors import PlanError
from streamcalib.plan import check_space, make_plan
from streamcalib.recipe import Recipe
from streamcalib.stores.npy import NpyStore

PLENTY = 2**60
GIB = 2**30


def plan_of(rows=100, *, recipe=None, container="npy", store="final", jobs=2, free_bytes=PLENTY):
    return make_plan(
        rows=rows,
        recipe=recipe or Recipe.yolo11(),
        container=container,
        store=store,
        jobs=jobs,
        free_bytes=free_bytes,
    )


@given(rows=st.integers(1, 100_000), jobs=st.integers(1, 200))
def test_there_are_no_more_workers_than_rows(rows, jobs):
    """A worker without a row is not started."""
    assert plan_of(rows, jobs=jobs).jobs == min(jobs, rows)


def test_the_array_is_described():
    """100 rows of YOLO11 at 640 are 491.5 MB, whichever way one asks."""
    plan = plan_of()
    assert plan.shape == (100, 3, 640, 640)
    assert plan.row_bytes == 3 * 640 * 640 * 4
    assert plan.file_bytes == 4096 + 100 * plan.row_bytes == 491_524_096


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_the_file_is_as_large_as_planned(tmp_path, dtype):
    """An ``.npy`` has the planned size to the byte."""
    plan = plan_of(7, recipe=Recipe.yolo11("5x9", dtype=dtype))
    store = NpyStore(
        path=tmp_path / "a.npy", rows=plan.rows, row_shape=plan.row_shape, dtype=plan.dtype
    )
    store.create()
    assert store.path.stat().st_size == plan.file_bytes


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_build_takes_no_more_disk_than_planned(tmp_path, suffix):
    """What a build leaves is within the plan, and so is what stands there at its peak."""
    images = smallsets.make_images(tmp_path / "images", 30)
    out = tmp_path / "out" / f"calib.{suffix}"
    seen = []

    def look(progress):
        files = [path.stat().st_size for path in out.parent.rglob("*") if path.is_file()]
        seen.append(sum(files))

    built = build(images, out, recipe=smallsets.RECIPE, jobs=1, progress=look)
    plan = plan_of(30, recipe=smallsets.RECIPE, container=suffix)
    left = sum(path.stat().st_size for path in out.parent.iterdir())
    assert abs(built.path.stat().st_size - plan.file_bytes) <= 2 * 4096
    assert left <= plan.needed_bytes
    assert plan.file_bytes <= max(seen) <= plan.needed_bytes


def test_an_npz_is_planned_with_its_staging_store():
    """Canvases are staged and encoded on the way out: a quarter more must be free for a while."""
    npy, npz = plan_of(), plan_of(container="npz")
    assert npz.needed_bytes >= 1.25 * 100 * npy.row_bytes
    assert npz.needed_bytes < 1.3 * 100 * npy.row_bytes
    assert npy.needed_bytes < 1.1 * 100 * npy.row_bytes


def test_a_uint8_store_is_a_quarter():
    """Canvases take a byte a value, in planes whatever the layout."""
    last = Recipe(height=4, width=6, layout="NHWC")
    plan = plan_of(7, recipe=last, store="uint8")
    assert (plan.shape, plan.row_bytes, plan.staged) == ((7, 3, 4, 6), 72, "uint8")
    assert plan_of(7, recipe=last).row_bytes == 4 * plan.row_bytes


@pytest.mark.parametrize(
    ("container", "layout", "dtype", "staged"),
    [
        ("npy", "NCHW", "float32", "final"),
        ("npz", "NCHW", "float32", "uint8"),
        ("npz", "NHWC", "uint8", "uint8"),
        ("npz", "NCHW", "uint8", "final"),
    ],
)
def test_what_workers_write(container, layout, dtype, staged):
    """Canvases for an ``.npz``, unless they are final as they are."""
    scale = 1.0 if dtype == "uint8" else 255.0
    recipe = Recipe(height=4, width=6, dtype=dtype, layout=layout, scale=scale)
    plan = plan_of(recipe=recipe, container=container)
    assert plan.staged == staged
    assert plan.stored_row == (recipe.row_shape, dtype)


@pytest.mark.parametrize(("side", "rows"), [(640, 1), (64, 21), (16, 341)])
def test_small_rows_are_handled_together(side, rows):
    """As many as have a quarter of a mebibyte of canvases."""
    assert plan_of(recipe=Recipe.yolo11(side)).rows_at_once == rows


def test_memory_does_not_grow_with_the_rows():
    """What workers will take depends on their number and the canvas alone."""
    assert plan_of(100).projected_memory_bytes == plan_of(10**6).projected_memory_bytes
    assert plan_of(jobs=4).projected_memory_bytes == 2 * plan_of(jobs=2).projected_memory_bytes
    small = plan_of(recipe=smallsets.RECIPE)
    assert small.projected_memory_bytes < plan_of().projected_memory_bytes


@pytest.mark.parametrize("rows", [0, -1])
def test_no_row_is_refused(rows):
    """A set has rows."""
    with pytest.raises(PlanError) as caught:
        plan_of(rows)
    assert "nothing to build" in text_of(caught.value)


@pytest.mark.parametrize("jobs", [0, -1, -8])
def test_no_worker_is_refused(jobs):
    """joblib's negative numbers of workers are not taken over."""
    with pytest.raises(PlanError) as caught:
        plan_of(jobs=jobs)
    assert text_of(caught.value) == f"--jobs must be at least 1, not {jobs}."


@pytest.mark.parametrize("container", ["npy", "npz"])
def test_a_full_disk_is_refused_with_sizes(container):
    """A byte too few is refused; the message has what is needed, what is free, and what fits."""
    needed = plan_of(container=container).needed_bytes
    assert plan_of(container=container, free_bytes=needed).free_bytes == needed
    with pytest.raises(PlanError):
        plan_of(container=container, free_bytes=needed - 1)
    with pytest.raises(PlanError) as caught:
        plan_of(10_000, free_bytes=5 * 10**9)
    message = text_of(caught.value)
    assert "10000 rows need 49.2 GB, and 5.0 GB are free." in message
    assert "About 1016 rows would fit" in message


@given(
    rows=st.integers(1, 10**6),
    share=st.floats(0, 1, exclude_max=True),
    side=st.integers(1, 640),
    container=st.sampled_from(["npy", "npz"]),
)
def test_the_rows_that_would_fit_do_fit(rows, share, side, container):
    """The number that a refusal suggests is right to within its own overhead of a few pages."""
    recipe = Recipe.yolo11(side)
    free = int(plan_of(rows, recipe=recipe, container=container).needed_bytes * share)
    with pytest.raises(PlanError) as caught:
        plan_of(rows, recipe=recipe, container=container, free_bytes=free)
    fitting = int(str(caught.value).split("About ")[1].split(" rows")[0])
    assert 0 <= fitting < rows
    assume(fitting > 0)
    needed = plan_of(fitting, recipe=recipe, container=container).needed_bytes
    assert needed <= free + 8 * 4096


def test_space_is_checked_for_any_writer():
    """What is exactly enough passes; a byte less does not."""
    check_space(100, 100, 1)
    with pytest.raises(PlanError):
        check_space(101, 100, 1)


def test_huge_sets_are_planned_without_overflow():
    """Sizes are Python's integers: a million rows at the largest canvas are 12.9 PB."""
    plan = plan_of(10**6, recipe=Recipe.yolo11(32768))
    assert plan.file_bytes == 4096 + 10**6 * 3 * 32768**2 * np.dtype("float32").itemsize
