"""Headers of ``.npy`` files: numpy's and our own are read, anything else is refused unevaluated."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.stores.npy import npy_header
from streamcalib.stores.npy_header import map_npy, read_header

DTYPES = ("<f4", "<f2", "<f8", "<i8", "<i4", "|i1", "|u1", "|b1", ">f4", ">i8", "<u8")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4, 5)])
def test_what_numpy_writes_is_read(tmp_path, dtype, order, shape):
    """Shape, dtype, order and place are numpy's own, and so is the array."""
    array = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape), dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    mapped = map_npy(tmp_path / "a.npy")
    expected = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert (mapped.shape, mapped.dtype) == (expected.shape, expected.dtype)
    assert mapped.flags.c_contiguous == expected.flags.c_contiguous
    assert np.array_equal(mapped, expected)


@given(st.lists(st.integers(0, 2**40), max_size=5).map(tuple), st.sampled_from(DTYPES))
def test_what_is_written_is_read(shape, dtype):
    """Our own headers come back, whatever the shape."""
    file = io.BytesIO(npy_header(shape, np.dtype(dtype)))
    header = read_header(file)
    assert (header.shape, header.dtype, header.fortran) == (shape, np.dtype(dtype), False)
    assert header.offset == 4096


def with_words(words: bytes, version: bytes = b"\x01\x00", claimed: int | None = None) -> bytes:
    length = len(words) if claimed is None else claimed
    return b"\x93NUMPY" + version + length.to_bytes(2, "little") + words


HOSTILE = {
    "empty": b"",
    "cut": b"\x93NUMPY\x01",
    "another format": b"PK\x03\x04" + bytes(100),
    "version 2": with_words(b"{}", b"\x02\x00"),
    "objects": with_words(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"),
    "records": with_words(b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n"),
    "text": with_words(b"{'descr': '<U9', 'fortran_order': False, 'shape': (1,), }\n"),
    "voids": with_words(b"{'descr': '|V9', 'fortran_order': False, 'shape': (1,), }\n"),
    "negative": with_words(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n"),
    "nested": with_words(b"(" * 20000),
    "code": with_words(b"{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (1,)}\n"),
    "digits": with_words(
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 9000 + b",), }\n"
    ),
    "claims more": with_words(b"{'descr': '<f4', ", claimed=65535),
    "huge": with_words(b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999,), }\n"),
    "overflow": with_words(
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }\n"
    ),
    "no value": with_words(b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_plain_array_is_refused(tmp_path, name):
    """Objects, code, nesting, absurd shapes: a clear error, and no memory for any of it."""
    (tmp_path / "a.npy").write_bytes(HOSTILE[name] + bytes(100))
    with pytest.raises(ValueError, match=r"^it |^its ") as caught:
        map_npy(tmp_path / "a.npy")
    assert len(str(caught.value)) < 200


def test_an_array_that_ends_early_is_told(tmp_path):
    """What is there and what is claimed are both named."""
    np.save(tmp_path / "a.npy", np.ones((6, 10), np.float32))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-1])
    with pytest.raises(ValueError, match=r"240 bytes of shape \(6, 10\) do not fit into the 239"):
        map_npy(tmp_path / "a.npy")
