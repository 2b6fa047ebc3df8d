"""How rows are dealt out: all of them once, in tasks that last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.building.pace import Pace

SECONDS = st.floats(0, 10)


@given(
    rows=st.integers(1, 20_000),
    jobs=st.integers(1, 200),
    multiple=st.integers(1, 64),
    noted=st.lists(st.tuples(st.integers(0, 100), SECONDS), max_size=50),
)
def test_ranges_cover_every_row_once(rows, jobs, multiple, noted):
    """Whatever is noted meanwhile, ranges are disjoint, in order, aligned, and all rows."""
    pace = Pace(rows, jobs, multiple)
    news = iter(noted)
    dealt = []
    for part in pace.ranges():
        dealt.append(part)
        for done, seconds in [next(news, (0, 0.0))]:
            pace.note(done, seconds)
    assert all(len(part) > 0 and part.start % multiple == 0 for part in dealt)
    assert [row for part in dealt for row in part] == list(range(rows))


def sizes(rows: int, jobs: int, seconds_per_row: float) -> list[int]:
    pace = Pace(rows, jobs)
    dealt = []
    for part in pace.ranges():
        dealt.append(len(part))
        pace.note(len(part), len(part) * seconds_per_row)
    return dealt


@pytest.mark.parametrize("seconds_per_row", [50e-6, 2e-3, 0.1, 5.0])
def test_tasks_last_a_quarter_of_a_second(seconds_per_row):
    """Once the pace is known, a task is neither a moment nor an age, whatever the rows."""
    dealt = sizes(100_000, 2, seconds_per_row)
    longest = max(dealt) * seconds_per_row
    assert longest <= max(0.25, 2 * seconds_per_row)
    assert longest >= 0.2


@pytest.mark.parametrize("jobs", [1, 2, 16])
@pytest.mark.parametrize("seconds_per_row", [50e-6, 2e-3])
def test_nobody_waits_long_for_the_last_task(jobs, seconds_per_row):
    """Tasks become shorter towards the end, down to a fiftieth of a second."""
    dealt = sizes(20_000, jobs, seconds_per_row)
    assert dealt[-1] * seconds_per_row <= 0.02 + seconds_per_row
    assert len(dealt) < 20_000


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_few_rows_are_shared_by_all_workers(jobs):
    """The first tasks, of which nothing is known, leave work for everybody."""
    dealt = list(Pace(4 * jobs, jobs).ranges())
    assert len(dealt) >= jobs
