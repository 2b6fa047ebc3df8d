"""The pass over many images, on any number of workers, and what is kept of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from messages import text_of
from pools import write_pool
from sessions import wait_until
from streamcalib import Recipe
from streamcalib.choosing.activations.cache import Observations, pack, unpack
from streamcalib.choosing.activations.measuring import Measuring, measure
from streamcalib.choosing.caches.folder import beside
from streamcalib.errors import InputError, MissingExtraError, ModelError, RecipeError
from streamcalib.extra_inputs import ExtraInput
from yolo_like import write_yolo_like

SIDE = 64


@pytest.fixture
def pool(tmp_path):
    """Twelve small pictures."""
    return write_pool(tmp_path / "pool", 12)


@pytest.fixture
def measuring(tmp_path):
    """A small model."""
    return Measuring.of(write_yolo_like(tmp_path / "m.onnx", SIDE))


@pytest.fixture
def cache(tmp_path):
    """A cache folder of each test's own, beside its model."""
    return tmp_path / ".streamcalib"


def opened(measuring, **options):
    tensors = len(measuring.observed.tensors)
    return Observations(measuring.key, tensors, cache=beside(measuring.model), **options)


def measured(measuring, places, **options):
    """Return what was observed of every place, packed, and what is bad."""
    with opened(measuring) as held:
        bad = measure(measuring, places, held, **options)
        return [found and pack(found) for found in map(held.get, places)], bad


@pytest.mark.parametrize("jobs", [2, 4])
def test_any_number_of_workers_observes_the_same(measuring, pool, cache, jobs):
    """To the last bit."""
    alone, _ = measured(measuring, pool, jobs=1)
    for file in (cache / "activations").iterdir():
        file.unlink()
    assert measured(measuring, pool, jobs=jobs)[0] == alone
    assert None not in alone
    assert len(set(alone)) == len(pool)


class Interrupting:
    """Interrupts once some images are done, and notes what was kept at the start."""

    def __init__(self, after):
        self.after, self.kept = after, []

    def __call__(self, progress):
        self.kept.append(progress.kept)
        if progress.done - progress.kept >= self.after:
            raise KeyboardInterrupt


def test_an_interrupted_pass_goes_on(measuring, pool):
    """What was observed is kept and not made again, and the end is the same."""
    with pytest.raises(KeyboardInterrupt) as caught:
        measured(measuring, pool, jobs=1, progress=Interrupting(after=4))
    assert caught.value.__notes__ == [
        "4 images of 12 measured and kept; the same command goes on from there."
    ]
    goes_on = Interrupting(after=99)
    found, _ = measured(measuring, pool, jobs=1, progress=goes_on)
    assert goes_on.kept[0] == 4
    with opened(measuring, kept=False) as fresh:
        measure(measuring, pool, fresh, jobs=1)
        assert [pack(fresh.get(place)) for place in pool] == found


def test_a_changed_image_is_observed_anew(measuring, pool):
    """And no other."""
    before, _ = measured(measuring, pool, jobs=1)
    Path(pool[3]).write_bytes(Path(pool[5]).read_bytes())
    os.utime(pool[3], ns=(1, 1))
    again = Interrupting(after=99)
    after, _ = measured(measuring, pool, jobs=1, progress=again)
    assert again.kept[0] == 11
    assert after[3] == before[5] != before[3]
    assert after[:3] == before[:3]


def test_bad_images_are_named_and_left_out(measuring, pool):
    """In their order, with the reason; they are tried again next time."""
    Path(pool[7]).write_bytes(Path(pool[7]).read_bytes()[:700])
    Path(pool[2]).unlink()
    found, bad = measured(measuring, pool, jobs=2)
    assert [one.place for one in bad] == [pool[2], pool[7]]
    assert "no such file" in bad[0].reason
    assert [place is None for place in found].count(True) == 2
    Path(pool[2]).write_bytes(Path(pool[0]).read_bytes())
    assert [one.place for one in measured(measuring, pool, jobs=1)[1]] == [pool[7]]


def test_other_models_and_recipes_have_caches_of_their_own(tmp_path, measuring):
    """Whatever decides an observation decides its key."""
    other = write_yolo_like(tmp_path / "other.onnx", SIDE, seed=8)
    recipe = Recipe(height=SIDE, width=SIDE, pad_value=0)
    same = write_yolo_like(tmp_path / "elsewhere.onnx", SIDE)
    keys = {m.key for m in (measuring, Measuring.of(other), Measuring.of(same, recipe))}
    assert len(keys) == 3
    assert Measuring.of(same).key == measuring.key


def test_a_damaged_cache_is_made_anew(measuring, pool, cache):
    """A file that is no database is replaced; a damaged observation is none."""
    before, _ = measured(measuring, pool, jobs=1)
    file = cache / f"activations/{measuring.key}.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE images SET observation = x'00'")
    connection.close()
    with opened(measuring) as held:
        assert held.get(pool[0]) is None
    file.write_bytes(b"something else, and long enough to be looked at" * 99)
    assert measured(measuring, pool, jobs=1)[0] == before


def test_where_it_cannot_be_the_users_folder_comes_next(measuring, pool, cache, cache_home):
    """And goes on from there."""
    cache.write_text("no folder")
    found = measured(measuring, pool[:2], jobs=1)
    with opened(measuring) as held:
        assert held.is_kept
        assert held.path == cache_home / f"streamcalib/activations/{measuring.key}.sqlite"
        assert [pack(held.get(place)) for place in pool[:2]] == found[0]


def test_without_any_folder_nothing_is_kept(measuring, pool, cache, monkeypatch):
    """Files in their places are left alone."""
    cache.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    with opened(measuring) as held:
        assert not held.is_kept
        assert measure(measuring, pool[:2], held, jobs=1) == ()
        assert held.get(pool[0]) is not None
    assert not held.path.exists()
    assert cache.read_text() == "no folder"


def test_what_is_packed_is_unpacked(measuring, pool):
    """And nothing that is shorter, longer or something else."""
    measured(measuring, pool[:1], jobs=1)
    with opened(measuring) as held:
        found = held.get(pool[0])
    packed, tensors = pack(found), len(measuring.observed.tensors)
    assert all(
        np.array_equal(one, other)
        for one, other in zip(unpack(packed, tensors), found, strict=True)
    )
    for count in (tensors - 1, tensors + 1):
        with pytest.raises(ValueError, match="another length"):
            unpack(packed, count)
    for odd in (found._replace(tops=found.tops + 1), found._replace(peaks=found.peaks * np.nan)):
        with pytest.raises(ValueError, match="octaves"):
            unpack(pack(odd), tensors)


def test_a_recipe_must_fit_the_model(tmp_path):
    """Its size, dtype and layout are the input's."""
    model = write_yolo_like(tmp_path / "m.onnx", SIDE)
    with pytest.raises(RecipeError, match="128x128"):
        Measuring.of(model, Recipe(height=128, width=128))
    with pytest.raises(ModelError) as caught:
        Measuring.of(model, Recipe(height=SIDE, width=SIDE, layout="NHWC"))
    assert "takes float32 in NCHW" in text_of(caught.value)


def test_further_inputs_need_values(tmp_path, measuring):
    """The message says how to give them; they are part of the key."""
    import onnx

    model = onnx.load(measuring.model)
    model.graph.input.append(
        onnx.helper.make_tensor_value_info("sizes", onnx.TensorProto.INT64, [1, 2])
    )
    onnx.save(model, str(tmp_path / "two.onnx"))
    with pytest.raises(ModelError, match=r"'sizes'.*--extra-input"):
        Measuring.of(tmp_path / "two.onnx")
    with_value = [
        Measuring.of(tmp_path / "two.onnx", None, [ExtraInput("sizes", [side, 64], "int64")])
        for side in (64, 32)
    ]
    assert with_value[0].key != with_value[1].key
    assert with_value[0].takes.others["sizes"].tolist() == [[64, 64]]
    with pytest.raises(InputError, match=r"^--extra-input sise: \S+m\.onnx has no such further"):
        Measuring.of(measuring.model, None, [ExtraInput("sise", 1, "int64")])


def test_no_workers_is_no_number(measuring, pool):
    """``--jobs`` begins at 1."""
    with opened(measuring) as held, pytest.raises(InputError, match="--jobs must be at least 1"):
        measure(measuring, pool, held, jobs=0)


def test_without_onnx_runtime_the_extra_is_named(measuring, monkeypatch):
    """Before any image is read."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError) as caught:
        _ = measuring.key
    assert "streamcalib[activations]" in text_of(caught.value)


def test_images_in_this_processs_own_memory_are_measured_here(measuring, pool):
    """Other processes do not see them, however many are asked for."""
    import obstore

    from streamcalib.images.objects.address import Address

    places = []
    for number, path in enumerate(pool[:6]):
        places.append(f"memory://measured/{number}.jpg")
        obstore.put(Address.of(places[-1]).store, f"{number}.jpg", Path(path).read_bytes())
    found, bad = measured(measuring, places, jobs=2)
    assert bad == ()
    assert found == measured(measuring, pool[:6], jobs=1)[0]


KILLED = """
import os, signal, sys
from pathlib import Path
from streamcalib.choosing.activations.cache import Observations
from streamcalib.choosing.activations.measuring import Measuring, measure
from streamcalib.choosing.caches.folder import beside
import psutil

def kill(progress):
    if progress.done:
        workers = [c for c in psutil.Process().children() if "popen_loky" in " ".join(c.cmdline())]
        sigint = 1 << (signal.SIGINT - 1)
        blocked = [line.split()[1] for c in workers
            for line in Path(f"/proc/{c.pid}/status").read_text().splitlines()
            if line.startswith("SigBlk")]
        print(*(f"{c.pid}:{int(mask, 16) & sigint}" for c, mask in zip(workers, blocked)))
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

measuring = Measuring.of(sys.argv[1])
tensors = len(measuring.observed.tensors)
with Observations(measuring.key, tensors, cache=beside(measuring.model)) as held:
    measure(measuring, sys.argv[2:], held, jobs=2, progress=kill)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_with_a_killed_parent(measuring, pool):
    """And Ctrl-C, which a terminal sends to all, is for the parent alone."""
    arguments = (sys.executable, "-c", KILLED, measuring.model, *pool)
    ended = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    workers = dict(word.split(":") for word in ended.stdout.split("\n")[0].split())
    assert len(workers) >= 2
    assert "0" not in workers.values()
    wait_until(lambda: not any(psutil.pid_exists(int(pid)) for pid in workers))
    goes_on = Interrupting(after=99)
    measured(measuring, pool, jobs=1, progress=goes_on)
    assert goes_on.kept[0] > 0
