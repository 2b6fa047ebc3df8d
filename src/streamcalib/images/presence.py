"""Whether a list is for the place where its images are sought."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from streamcalib.errors import ImageError, SourceError, StreamcalibError
from streamcalib.images.members import archive_of
from streamcalib.images.places import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamcalib.images.archives.archive import Archive

_REQUESTS_AT_ONCE = 16


def none_present(places: Sequence[str]) -> str | None:
    """Return None if one of the places holds something, else what is known of why none does.

    Archives are opened once each, and of objects the first one's folder is looked at before the
    others are asked for. What is returned is empty, or ends its line.

    Raises
    ------
    StoppedError
        If a server cannot be reached.
    MissingExtraError
        If obstore is needed and not installed.
    """
    search = _Search()
    if search.finds(places[0]):
        return None
    rest = places[1:]
    if not any(Place.of(place).is_remote for place in rest):
        found = any(map(search.finds, rest))
    else:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            found = any(pool.map(search.finds, rest))
    return None if found else "".join(f"{reason}.\n" for reason in search.reasons)


class _Search:
    """Looks for images, and does not look twice where there can be none.

    Attributes
    ----------
    reasons
        What was wrong with archives, buckets and objects, in order.
    """

    def __init__(self) -> None:
        self.reasons: dict[str, None] = {}
        self._archives: dict[str, Archive[Any] | None] = {}
        self._folders: dict[str, bool] = {}

    def finds(self, text: str) -> bool:
        """Whether something is at a place."""
        place = Place.of(text)
        if place.member is not None:
            archive = self._archive(place.location)
            return archive is not None and archive.holds(place.member)
        if place.is_remote:
            return self._finds_object(place.location)
        return os.path.lexists(text)

    def _archive(self, location: str) -> Archive[Any] | None:
        if location not in self._archives:
            archive = None
            try:
                archive = archive_of(location)
            except ImageError as error:
                self.reasons[str(error)] = None
            except StreamcalibError:
                raise
            except (OSError, ValueError):
                pass
            self._archives[location] = archive
        return self._archives[location]

    def _finds_object(self, url: str) -> bool:
        from streamcalib.images.objects.listing import has_objects
        from streamcalib.images.objects.reading import look_at

        folder = url.rpartition("/")[0]
        if self._folders.get(folder) is False:
            return False
        try:
            look_at(url)
        except FileNotFoundError:
            if folder not in self._folders:
                self._folders[folder] = self._may_hold(folder, has_objects)
            return False
        except ImageError as error:
            self.reasons[str(error)] = None
            self._folders[folder] = False
            return False
        return True

    def _may_hold(self, folder: str, has_objects: Callable[[str], bool]) -> bool:
        try:
            return has_objects(folder)
        except SourceError as error:
            self.reasons[str(error).removesuffix(".")] = None
            # Who may not list may yet read; where there is no bucket there is nothing.
            return not isinstance(error.__cause__, FileNotFoundError)
