"""The staging folder: one job's own, and what becomes of it."""

from __future__ import annotations

import pytest

from streamcalib.errors import StoppedError
from streamcalib.lock import OWNER_NAME
from streamcalib.staging import staging_folder


class PulledPlug(BaseException):
    """Nothing that a program could handle."""


def contents(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != OWNER_NAME)


def test_a_staging_folder_is_one_builds_own(tmp_path):
    """While it is held nobody else gets it; afterwards it is gone, and free."""
    out = tmp_path / "calib.npy"
    with staging_folder(out) as folder:
        assert folder == tmp_path / "calib.npy.build"
        (folder / "rows.npy").write_text("mine")
        with (
            pytest.raises(StoppedError, match=r"another build of .* is running: process "),
            staging_folder(out),
        ):
            pass
        assert (folder / "rows.npy").read_text() == "mine"
        with staging_folder(tmp_path / "other.npy") as other:
            assert other != folder
    assert list(tmp_path.iterdir()) == []
    with staging_folder(out) as folder:
        assert contents(folder) == []


def test_what_is_left_in_a_staging_folder_is_not_used(tmp_path):
    """A build that died may have left anything; the next one begins with nothing."""
    left = tmp_path / "calib.npy.build"
    left.mkdir()
    (left / "rows.npy").write_text("half")
    with staging_folder(tmp_path / "calib.npy") as folder:
        assert contents(folder) == []


@pytest.mark.parametrize("error", [PulledPlug, KeyboardInterrupt, ValueError])
def test_a_staging_folder_goes_whatever_happens(tmp_path, error):
    """Interrupts and defects leave nothing, and pass through as they are."""

    def fail():
        with staging_folder(tmp_path / "calib.npy") as folder:
            (folder / "rows.npy").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []
