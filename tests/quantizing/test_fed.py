"""The reader that ModelOpt gets: steps, counts, passes, and errors that are not lost."""

from __future__ import annotations

import pytest

import smallsets
from streamcalib import live
from streamcalib.errors import BadImagesError
from streamcalib.quantizing.fed import FedReader


@pytest.fixture
def paths(tmp_path):
    """Six images."""
    return smallsets.make_images(tmp_path / "images", 6)


def drained(reader: FedReader) -> int:
    """Take all steps and return how many there were."""
    count = 0
    while reader.get_next() is not None:
        count += 1
    return count


def test_steps_and_progress(paths):
    """Rows are counted when the next step is asked for, and from the first on after a rewind."""
    rows = live(paths, recipe=smallsets.RECIPE)
    told = []
    fed = FedReader(rows.modelopt_reader(batch_size=2), told.append)
    first = fed.get_first()["images"]
    assert (fed.steps, told) == (0, [])
    assert fed.get_next()["images"].tobytes() == first.tobytes()
    assert drained(fed) == 2
    assert (fed.steps, len(fed)) == (3, 3)
    assert [each.done for each in told] == [0, 2, 4, 6]
    assert (told[0].stage, told[0].total) == ("calibrate", 6)
    fed.rewind()
    assert fed.steps == 0
    assert drained(fed) == 3
    assert [each.done for each in told[4:]] == [0, 2, 4, 6]
    fed.rewind()
    fed.set_range(1, 2)
    assert drained(fed) == 1
    assert fed.error is None


@pytest.mark.parametrize("ask", [FedReader.get_next, FedReader.get_first])
def test_errors_are_kept(paths, ask):
    """Whoever swallows an error does not make it unheard of."""
    rows = live(paths, recipe=smallsets.RECIPE)
    paths[0].write_bytes(b"no image")
    fed = FedReader(rows.modelopt_reader(), lambda _: None)
    with pytest.raises(BadImagesError):
        ask(fed)
    assert isinstance(fed.error, BadImagesError)
