"""Work done ahead by threads, and handed out in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def done_ahead(
    items: Iterable[_Item], do: Callable[[_Item], _Result], jobs: int
) -> Iterator[tuple[_Item, _Result]]:
    """Yield every item with what ``do`` makes of it, in the order of the items.

    At most ``jobs`` threads work, and at most as many items and one are begun and not yet asked
    for, however many there are. What ``do`` raises is raised in its place. Closing the iterator
    waits for what was begun, and begins nothing more.
    """
    ahead: deque[tuple[_Item, Future[_Result]]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for item in items:
                ahead.append((item, pool.submit(do, item)))
                if len(ahead) > jobs:
                    first, coming = ahead.popleft()
                    yield first, coming.result()
            while ahead:
                first, coming = ahead.popleft()
                yield first, coming.result()
        finally:
            for _, coming in ahead:
                coming.cancel()
