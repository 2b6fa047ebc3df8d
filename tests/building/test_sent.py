"""Tasks that were handed out, and which of them came back."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.building.sent import Sent, parted
from streamcalib.building.worker import Task


def tasks(count: int) -> list[Task]:
    return [Task((n,), (n,), (f"{n}.jpg",)) for n in range(count)]


@given(returned=st.sets(st.integers(1, 8)), handed=st.integers(0, 8))
def test_what_has_not_come_back_is_lost(returned, handed):
    """Whatever was handed out, and whichever of that came back."""
    sent = Sent(tasks(8))
    given_out = iter(sent)
    numbered = dict(next(given_out) for _ in range(handed))
    assert list(numbered.values()) == tasks(8)[:handed]
    for number in returned & set(numbered):
        sent.came_back(number)
    lost = sent.close()
    assert lost == [task for number, task in numbered.items() if number not in returned]
    assert next(given_out, None) is None


def test_what_was_not_handed_out_is_still_there():
    """The tasks go on where the handing out ended."""
    waiting = iter(tasks(5))
    first = Sent(waiting)
    given_out = iter(first)
    next(given_out)
    next(given_out)
    first.close()
    assert [task for _, task in Sent(waiting)] == tasks(5)[2:]


def test_all_that_come_back_leave_nothing():
    """A wave that ended well has lost nothing."""
    sent = Sent(tasks(4))
    for number, _ in sent:
        sent.came_back(number)
    assert sent.close() == []


def test_a_task_comes_back_once():
    """A second time would be a defect."""
    sent = Sent(tasks(1))
    ((number, _),) = sent
    sent.came_back(number)
    with pytest.raises(KeyError):
        sent.came_back(number)


def test_threads_that_hand_out_at_once_share_the_tasks():
    """Each task goes out once, and nothing goes out after closing."""
    sent, got, lock = Sent(tasks(3000)), [], threading.Lock()

    def hand_out() -> None:
        for number, task in sent:
            with lock:
                got.append((number, task))
            if number == 1000:
                lost.extend(sent.close())

    lost: list[Task] = []
    threads = [threading.Thread(target=hand_out) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, _ in got) == list(range(1, len(got) + 1))
    assert [task for _, task in sorted(got)] == tasks(3000)[: len(got)]
    assert sorted(task.rows for task in lost) == sorted(task.rows for _, task in got)


def test_suspects_are_parted_from_the_others():
    """Each suspect is alone; the others keep their order, and tasks of none are left out."""
    mixed = Task((5, 6, 7), (15, 16, 17), ("a", "b", "c"))
    alone, rest = parted([mixed, *tasks(2)], {16, 1, 99})
    assert alone == [Task((6,), (16,), ("b",)), Task((1,), (1,), ("1.jpg",))]
    assert rest == [Task((5, 7), (15, 17), ("a", "c")), Task((0,), (0,), ("0.jpg",))]


@given(
    st.lists(st.lists(st.integers(0, 20), unique=True, max_size=6), max_size=5),
    st.sets(st.integers(0, 20)),
)
def test_parting_loses_and_doubles_nothing(sources, suspects):
    """Every image is in one task afterwards, and suspects are where they belong."""
    given_tasks = [Task(part, part, [str(source) for source in part]) for part in sources]
    alone, rest = parted(given_tasks, suspects)
    assert all(len(task.sources) == 1 and task.sources[0] in suspects for task in alone)
    assert not any(suspects & set(task.sources) for task in rest)
    every = [source for task in [*alone, *rest] for source in task.sources]
    assert sorted(every) == sorted(source for part in sources for source in part)
