"""Indexes of archives: what goes in comes out, and damage is found."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.images.archives import index
from streamcalib.images.archives.index import Index, Member, MemberKind, pack
from streamcalib.images.places import normal_member

IDENTITY = bytes(range(32))

names = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
sizes = st.integers(0, 2**63 - 1)
members = st.builds(
    Member,
    names,
    sizes,
    sizes,
    sizes,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.sampled_from(MemberKind),
)


@pytest.mark.parametrize("apart", [1, 3, 64])
@given(st.lists(members, max_size=12), names)
def test_members_are_found_by_name(apart, those, other):
    """The last one of a name, with all that is known of it; names are those of extraction."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_SIGNPOSTS_APART", apart)
        check_names(those, other)


def check_names(those, other):
    packed = Index(pack(those, IDENTITY), IDENTITY)
    last = {normal_member(one.name): one for one in those if normal_member(one.name)}
    assert len(packed) == len(last)
    for name, one in last.items():
        assert packed.find(name) == one._replace(name=name)
        assert packed.find(f"./{name}") == packed.find(name)
    assert (packed.find(other) is None) == (normal_member(other) not in last)
    assert [one.name for one in packed.members()] == sorted(last, key=lambda name: name.encode())


def test_names_that_are_no_text_are_kept():
    """Their bytes survive as they do in paths; what is no name of a file is not found."""
    name = b"\xff\xe4.jpg".decode("utf-8", "surrogateescape")
    packed = Index(pack([Member(name, 1, 2, 3)], IDENTITY), IDENTITY)
    assert packed.find(name) == Member(name, 1, 2, 3)
    assert packed.find("\ud800") is None


@pytest.mark.parametrize("field", ["offset", "stored_bytes", "bytes"])
@pytest.mark.parametrize("value", [-1, 2**63])
def test_sizes_that_cannot_be_are_left_out(field, value):
    """Such a member is nowhere."""
    one = Member("a", 0, 0, 0)._replace(**{field: value})
    assert len(Index(pack([one], IDENTITY), IDENTITY)) == 0


def test_too_many_members_are_refused(monkeypatch):
    """Before they take the memory."""
    monkeypatch.setattr(index, "MOST_MEMBERS", 3)
    pack([Member(str(n), 0, 0, 0) for n in range(3)], IDENTITY)
    with pytest.raises(ValueError, match="more than 3 members"):
        pack([Member(str(n), 0, 0, 0) for n in range(4)], IDENTITY)


@pytest.mark.parametrize("position", [0, 8, 40, 48, 56, 70, -1])
def test_a_changed_byte_is_found(position):
    """Wherever it is, the index is not taken."""
    data = bytearray(pack([Member("a", 1, 2, 3), Member("b", 4, 5, 6)], IDENTITY))
    data[position] ^= 1
    with pytest.raises(ValueError, match=r"index|size|damaged"):
        Index(bytes(data), IDENTITY)


@pytest.mark.parametrize("change", ["short", "cut", "longer", "other"])
def test_another_file_is_no_index(change):
    """Of another archive, cut, or longer than it says."""
    data = pack([Member("a", 1, 2, 3)], IDENTITY)
    changed = {"short": data[:20], "cut": data[:-1], "longer": data + b"x", "other": data}[change]
    with pytest.raises(ValueError, match=r"index|size|short"):
        Index(changed, bytes(32) if change == "other" else IDENTITY)


_MEASURED = """
import sys
from pathlib import Path
from streamcalib.images.archives import cache
from streamcalib.images.archives.index import Member

count = int(sys.argv[1])

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

def scan():
    assert sys.argv[2] == "scan"
    return (Member(f"train2017/{n:012d}.jpg", n, n, n) for n in range(count))

before = anonymous()
index = cache.index_of("/train2017.zip", bytes(32), scan)
assert index.find(f"train2017/{count - 1:012d}.jpg").offset == count - 1
print(anonymous() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_holds_no_index_of_its_own(tmp_path):
    """The index of COCO's 118,287 names is mapped: no 2 MB of it are a process's own."""
    told = []
    for role in ("scan", "worker"):
        command = [sys.executable, "-c", _MEASURED, "118287", role]
        environment = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        told.append(int(done.stdout))
    assert told[1] < 2000, told
