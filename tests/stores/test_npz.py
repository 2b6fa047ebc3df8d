"""The ``.npz`` container, as numpy and zipfile read it, and as it is mapped in place."""

from __future__ import annotations

import struct
import zipfile
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from streamcalib.stores.npy import npy_header
from streamcalib.stores.npz import NpzWriter, map_member

GIB = 2**30
ZIP64_ID = 1


def write(path, arrays, parts=3):
    with closing(NpzWriter(path)) as writer:
        for name, array in arrays.items():
            step = max(1, len(array) // parts)
            pieces = (array[start : start + step] for start in range(0, len(array), step))
            writer.add(name, array.shape, array.dtype, pieces)


def arrays_of(seed: int = 0) -> dict[str, np.ndarray]:
    numbers = np.random.default_rng(seed)
    return {
        "images": numbers.random((10, 3, 8, 9)).astype(np.float32),
        "orig_size": numbers.integers(0, 99, (10, 2)),
        "mask": numbers.random(10) > 0.5,
        "half:0": numbers.random((10, 5)).astype(np.float16),
        "größe": numbers.integers(0, 256, (10, 33), np.uint8),
    }


def local_header(path, info) -> tuple[int, dict[int, bytes]]:
    """Return where a member's data begins in the file, and the extra fields before it."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        fixed = file.read(30)
        name_bytes, extra_bytes = struct.unpack("<HH", fixed[26:30])
        file.seek(name_bytes, 1)
        extra, fields = file.read(extra_bytes), {}
        while extra:
            kind, size = struct.unpack("<HH", extra[:4])
            fields[kind], extra = extra[4 : 4 + size], extra[4 + size :]
        return file.tell(), fields


def test_numpy_reads_every_member(tmp_path):
    """``numpy.load`` gives the arrays under their names, without pickle."""
    arrays = arrays_of()
    write(tmp_path / "set.npz", arrays)
    with np.load(tmp_path / "set.npz", allow_pickle=False) as read:
        assert list(read) == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)
            assert read[name].dtype == array.dtype


def test_zipfile_finds_no_fault(tmp_path):
    """Checksums are right, nothing is compressed, and members are named as numpy names them."""
    arrays = arrays_of()
    write(tmp_path / "set.npz", arrays)
    with zipfile.ZipFile(tmp_path / "set.npz") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{name}.npy" for name in arrays]
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.compress_size == info.file_size


def test_members_begin_at_pages(tmp_path):
    """Every member and its first element stand at multiples of 4096, with zip64 fields before."""
    path = tmp_path / "set.npz"
    arrays = arrays_of()
    write(path, arrays)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info, array in zip(archive.infolist(), arrays.values(), strict=True):
            start, fields = local_header(path, info)
            assert start % 4096 == 0
            assert struct.unpack("<QQ", fields[ZIP64_ID]) == (info.file_size, info.compress_size)
            assert data[start + 4096 :].startswith(array.tobytes())


def test_a_member_is_mapped_in_place(tmp_path):
    """Mapping gives what loading gives, read-only, aligned to pages."""
    path = tmp_path / "set.npz"
    write(path, arrays_of())
    with np.load(path) as loaded:
        for name in loaded:
            mapped = map_member(path, name)
            assert isinstance(mapped, np.memmap)
            assert mapped.ctypes.data % 4096 == 0
            np.testing.assert_array_equal(mapped, loaded[name])
            with pytest.raises(ValueError, match="read-only"):
                mapped[0] = 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.text(
            st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"),
            min_size=1,
            max_size=70,
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    rows=st.integers(1, 40),
    parts=st.integers(1, 7),
)
def test_any_names_and_parts_do(tmp_path, names, rows, parts):
    """Whatever members are called and however they come in parts, they are aligned and equal."""
    path = tmp_path / "set.npz"
    numbers = np.random.default_rng(rows)
    arrays = {name: numbers.integers(0, 256, (rows, 5), np.uint8) for name in names}
    write(path, arrays, parts)
    with zipfile.ZipFile(path) as archive:
        assert all(local_header(path, info)[0] % 4096 == 0 for info in archive.infolist())
        assert archive.testzip() is None
    for name, array in arrays.items():
        np.testing.assert_array_equal(map_member(path, name), array)


def test_a_member_behind_four_gibibytes_is_found(tmp_path):
    """Offsets that need zip64 are written and read; the file is sparse, so this costs nothing."""
    path = tmp_path / "set.npz"
    arrays = arrays_of()
    with closing(NpzWriter(path)) as writer:
        first, second, *_ = arrays.items()
        writer.add(first[0], first[1].shape, first[1].dtype, [first[1]])
        # The archive goes on behind a hole, as it does behind a large member.
        writer._zip.fp.seek(5 * GIB + 123)
        writer._zip.start_dir = 5 * GIB + 123
        writer.add(second[0], second[1].shape, second[1].dtype, [second[1]])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        info = archive.infolist()[1]
        assert info.header_offset > 4 * GIB
        assert local_header(path, info)[0] % 4096 == 0
    with np.load(path) as loaded:
        for name, array in (first, second):
            np.testing.assert_array_equal(loaded[name], array)
            np.testing.assert_array_equal(map_member(path, name), array)


@pytest.mark.slow
def test_a_member_over_four_gibibytes_is_whole(tmp_path):
    """A member whose size needs zip64 passes zipfile's check and is mapped, as is one behind it."""
    path = tmp_path / "set.npz"
    rows = 1400
    row = np.random.default_rng(0).random((1, 3, 512, 512)).astype(np.float32)
    try:
        with closing(NpzWriter(path)) as writer:
            shape = (rows, *row.shape[1:])
            writer.add("images", shape, row.dtype, (row + index for index in range(rows)))
            writer.add("last", (1,), np.dtype("int64"), [np.array([7])])
        assert path.stat().st_size > 4 * GIB
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert archive.getinfo("images.npy").file_size == 4096 + rows * row.nbytes
            with archive.open("images.npy") as member:
                assert npy_format.read_magic(member) == (1, 0)
                assert npy_format.read_array_header_1_0(member)[0] == shape
        mapped = map_member(path, "images")
        for index in (0, 1, 700, 1398, 1399):
            np.testing.assert_array_equal(mapped[index], row[0] + index)
        assert map_member(path, "last").tolist() == [7]
        del mapped
    finally:
        path.unlink()


def test_a_missing_member_is_a_key_error(tmp_path):
    """Asking for another input's name names it."""
    write(tmp_path / "set.npz", arrays_of())
    with pytest.raises(KeyError, match="pictures"):
        map_member(tmp_path / "set.npz", "pictures")


def save_compressed(path):
    np.savez_compressed(path, images=np.zeros((2, 3)))


def save_fortran(path):
    np.savez(path, images=np.asfortranarray(np.ones((2, 3))))


def save_objects(path):
    np.savez(path, images=np.array([None, 1]))


def save_other_version(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as member:
        npy_format.write_array(member, np.ones((2, 3)), version=(2, 0))


def save_no_array(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"no array at all")


@pytest.mark.parametrize(
    ("save", "says"),
    [
        (save_compressed, "compressed"),
        (save_fortran, "C-ordered"),
        (save_objects, "plain numbers"),
        (save_other_version, "format"),
        (save_no_array, "not in the .npy format"),
    ],
)
def test_what_cannot_be_mapped_is_refused(tmp_path, save, says):
    """Members that are compressed, of another layout or no arrays are told apart, not misread."""
    save(tmp_path / "set.npz")
    with pytest.raises(ValueError, match=says):
        map_member(tmp_path / "set.npz", "images")


def test_a_file_that_stops_short_is_refused(tmp_path):
    """An archive cut before its end is no archive."""
    write(tmp_path / "set.npz", arrays_of())
    data = (tmp_path / "set.npz").read_bytes()
    (tmp_path / "set.npz").write_bytes(data[:-30])
    with pytest.raises(ValueError, match="no archive"):
        map_member(tmp_path / "set.npz", "images")


def test_a_bomb_stays_packed(tmp_path):
    """A member that unpacks to thousands of times its size is refused for being compressed."""
    with zipfile.ZipFile(tmp_path / "set.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", npy_header((2**26,), np.dtype("u1")) + bytes(2**26))
    with pytest.raises(ValueError, match="compressed"):
        map_member(tmp_path / "set.npz", "images")


def test_a_name_that_climbs_is_only_a_name(tmp_path):
    """No member is ever unpacked to its name."""
    folder = tmp_path / "deep" / "deeper"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "set.npz", "w") as archive:
        archive.writestr("../../images.npy", npy_header((2, 3), np.dtype("u1")) + bytes(6))
    mapped = map_member(folder / "set.npz", "../../images")
    assert mapped.shape == (2, 3)
    assert [path.name for path in tmp_path.rglob("*.np*")] == ["set.npz"]


def changed(path, signature: bytes, offset: int, new: bytes) -> None:
    data = bytearray(path.read_bytes())
    place = data.rindex(signature) + offset
    data[place : place + len(new)] = new
    path.write_bytes(data)


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


@pytest.mark.parametrize(
    ("signature", "offset", "new"),
    [
        (CENTRAL, 8, b"\x01\x00"),  # encrypted
        (CENTRAL, 42, b"\xff\xff\xff\x7f"),  # begins behind the file's end
        (CENTRAL, 42, b"\x40\x00\x00\x00"),  # begins where no member does
        (CENTRAL, 6, b"\xff\x00"),  # of a later version of the format
        (CENTRAL, 24, b"\x10\x00\x00\x00"),  # shorter than its array
        (LOCAL, 26, b"\xff\xff"),  # its name is longer than the file
        (LOCAL, 28, b"\xff\xff"),
        (END, 12, b"\xff\xff\xff\x7f"),  # a list of members of 2 GB
        (END, 16, b"\xff\xff\xff\x7f"),
    ],
)
def test_an_archive_that_lies_is_refused(tmp_path, signature, offset, new):
    """Whatever its records say of places and sizes, nothing but the array is mapped."""
    np.savez(tmp_path / "set.npz", images=np.ones((20, 3)))
    map_member(tmp_path / "set.npz", "images")
    changed(tmp_path / "set.npz", signature, offset, new)
    with pytest.raises(ValueError, match=r".+"):
        map_member(tmp_path / "set.npz", "images")


def test_millions_of_members_are_not_listed(tmp_path):
    """An archive whose list of members takes hundreds of megabytes is none of ours."""
    path = tmp_path / "set.npz"
    np.savez(path, images=np.ones(2))
    data = path.read_bytes()
    start = data.rindex(CENTRAL)
    with path.open("wb") as file:
        file.write(data[:start])
        file.seek(2**25, 1)
        end = bytearray(data[data.rindex(END) :])
        end[12:16] = (2**25).to_bytes(4, "little")
        file.write(end)
    with pytest.raises(ValueError, match="list of members is too long"):
        map_member(path, "images")
