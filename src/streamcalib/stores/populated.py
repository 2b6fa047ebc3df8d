"""Writing into a file in memory through a mapping, so that many can write at once.

On tmpfs a ``write`` holds the file's lock while it allocates and copies, so that all writers of one
file together are no faster than one; through mappings they are.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os

import numpy as np

from streamcalib.stores.libc import libc_function

# Of madvise(2), since Linux 5.14.
_POPULATE_WRITE = 23


class PopulatedFile:
    """Writes into a mapped file of fixed size, page by page allocated before it is touched.

    A page that cannot be had is an error then; touched without, it would kill the process.

    Parameters
    ----------
    file
        A descriptor open for reading and writing.
    """

    def __init__(self, file: int) -> None:
        mapped = mmap.mmap(file, os.fstat(file).st_size)
        # numpy copies without holding the interpreter's lock, and tells the address.
        self._bytes = np.frombuffer(mapped, np.uint8)
        self._advise = libc_function("madvise")

    def write(self, view: memoryview, position: int) -> bool:
        """Write ``view`` at ``position``; False, and nothing is written, on an older system.

        Raises
        ------
        OSError
            If there is not enough space.
        """
        end = position + len(view)
        start = position - position % mmap.PAGESIZE
        address = ctypes.c_void_p(self._bytes.ctypes.data + start)
        while self._advise(address, ctypes.c_size_t(end - start), _POPULATE_WRITE) != 0:
            code = ctypes.get_errno()
            if code == errno.EINVAL:
                return False
            if code == errno.EFAULT:
                # So madvise tells what would be SIGBUS: the file system has no page left.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if code not in (errno.EINTR, errno.EAGAIN):
                raise OSError(code, os.strerror(code))
        np.copyto(self._bytes[position:end], np.frombuffer(view, np.uint8))
        return True
