"""Where ModelOpt works: what may be written, what is copied, what is published, what is left."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from graphs import Input, write_graph
from messages import text_of
from streamcalib.errors import InputError, LockedError, ModelError, OutputError, StoppedError
from streamcalib.quantizing.workplace import check_output, workplace


@pytest.fixture
def model(tmp_path):
    """A small graph in a folder of its own."""
    (tmp_path / "models").mkdir()
    return write_graph(tmp_path / "models" / "m.onnx", Input())


def names(folder) -> set[str]:
    """Return the names in a folder."""
    return {path.name for path in folder.iterdir()}


def test_outputs_that_may_not_be_written(tmp_path, model, monkeypatch):
    """No other ending, no missing folder, not the model, nothing replaced unless it is said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.onnx").touch()
    (tmp_path / "q.onnx.json").touch()
    (tmp_path / "w.onnx_data").touch()
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "link.onnx").symlink_to("nowhere")
    refused = {
        "q.bin": "must end in .onnx",
        "no/q.onnx": "is not there",
        "models/m.onnx": "the model itself",
        "there.onnx": "--overwrite",
        "q.onnx": "--overwrite",
        "w.onnx": "--overwrite",
        "folder.onnx": "is a folder",
        "link.onnx": "--overwrite",
    }
    for out, said in refused.items():
        with pytest.raises(OutputError) as caught:
            check_output(model, out, [f"{out.rpartition('/')[2]}.json"], overwrite=False)
        assert said in text_of(caught.value), out
    for out in ("there.onnx", "q.onnx"):
        assert check_output(model, out, [f"{out}.json"], overwrite=True) == tmp_path / out
    with pytest.raises(OutputError, match="is a folder"):
        check_output(model, "folder.onnx", [], overwrite=True)
    # It lies where ModelOpt runs, and would be removed though it is another folder's result.
    with pytest.raises(InputError, match="removes what has this name"):
        check_output(model, "models/w.onnx", [], overwrite=True)


def test_publishing_leaves_the_result_alone(tmp_path, model):
    """Side files, weights and the model appear; what else ModelOpt made goes."""
    out = tmp_path / "q.onnx"
    with workplace(model, out) as place:
        assert place.model.read_bytes() == model.read_bytes()
        assert tempfile.gettempdir().startswith(str(place.folder))
        assert ".onnx" not in str(place.folder)
        for name in ("q.onnx", "q.onnx_data", "q.onnx.json", "m_named.onnx"):
            (place.folder / name).write_text(name)
        assert names(tmp_path) == {"models", place.folder.name}
        published = place.publish([place.folder / "q.onnx.json"], keep_others=False)
    assert published == [out, tmp_path / "q.onnx_data"]
    assert names(tmp_path) == {"models", "q.onnx", "q.onnx_data", "q.onnx.json"}
    assert not tempfile.gettempdir().startswith(str(tmp_path / "."))
    # Weights of the old model do not stay beside a new one that has none.
    with workplace(model, out) as place:
        for name in ("q.onnx", "q.onnx.json", "m_named.onnx"):
            (place.folder / name).write_text("new")
        place.publish([place.folder / "q.onnx.json"], keep_others=True)
    assert names(tmp_path) == {"models", "q.onnx", "q.onnx.json", "m_named.onnx"}
    assert out.read_text() == "new"


def test_files_made_on_the_way_replace_nothing(tmp_path, model):
    """Unless it is said, and the model itself never; nothing is published then."""
    out, mine = tmp_path / "q.onnx", tmp_path / "q1_named.onnx"
    mine.write_text("mine")
    with pytest.raises(OutputError) as caught:
        publish_with_others(model, out, mine.name, overwrite=False)
    assert "--overwrite" in text_of(caught.value)
    assert (names(tmp_path), mine.read_text()) == ({"models", mine.name}, "mine")
    publish_with_others(model, out, mine.name, overwrite=True)
    assert (out.read_text(), mine.read_text()) == ("new", "new")
    before = model.read_bytes()
    with pytest.raises(OutputError, match="another folder"):
        publish_with_others(model, model.with_name("q.onnx"), model.name, overwrite=True)
    assert (model.read_bytes(), names(model.parent)) == (before, {model.name})


def publish_with_others(model, out, other, *, overwrite) -> None:
    """Make a model, and a file on the way, and publish both."""
    with workplace(model, out) as place:
        for name in (out.name, other):
            (place.folder / name).write_text("new")
        place.publish([], keep_others=True, overwrite=overwrite)


def test_an_error_leaves_nothing(tmp_path, model):
    """The folder goes whatever ends the block; an error of the disk says how to go on."""
    for error, seen in (
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "full", "some\nfile"), StoppedError),
    ):
        with pytest.raises(seen) as caught:
            fail_in_workplace(model, tmp_path / "q.onnx", error)
        assert names(tmp_path) == {"models"}
    assert r"some\nfile: full: mend it" in text_of(caught.value)


def fail_in_workplace(model, out, error) -> None:
    """Write half a result, and fail."""
    with workplace(model, out) as place:
        place.out.write_text("half")
        raise error


KILLED = """
import os, signal, sys
from pathlib import Path
from streamcalib.quantizing.workplace import workplace
with workplace(sys.argv[1], Path(sys.argv[2])) as place:
    place.out.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes(tmp_path, model):
    """It is taken away by the next one to the same output, and nothing of others is."""
    out = tmp_path / "q.onnx"
    subprocess.run([sys.executable, "-c", KILLED, model, out], timeout=100, check=False)
    assert names(tmp_path) == {"models", ".q.part"}
    with workplace(model, out) as place:
        assert place.folder == tmp_path / ".q.part"
        assert not place.out.exists()
        with pytest.raises(LockedError, match=r"q\.onnx"), workplace(model, out):
            pass
        assert place.model.exists()
    assert names(tmp_path) == {"models"}
    (tmp_path / ".q.part").mkdir()
    (tmp_path / ".q.part" / "mine").write_text("mine")
    with pytest.raises(OutputError, match="in the way"), workplace(model, out):
        pass
    assert names(tmp_path / ".q.part") == {"mine"}


def test_weights_in_other_files_come_along(tmp_path, model):
    """They are copied to where the model's copy looks for them; none from outside of its folder."""
    proto = onnx.load(str(model))
    proto.graph.initializer.append(numpy_helper.from_array(np.ones(400, np.float32), "weight"))
    apart = tmp_path / "models" / "apart.onnx"
    onnx.save(
        proto,
        str(apart),
        save_as_external_data=True,
        location="apart.bin",
        size_threshold=100,
    )
    with workplace(apart, tmp_path / "q.onnx") as place:
        assert numpy_helper.to_array(onnx.load(str(place.model)).graph.initializer[0]).all()
    (tmp_path / "models" / "apart.bin").rename(tmp_path / "models" / "moved.bin")
    with (
        pytest.raises(ModelError, match=r"apart\.bin, which is not there"),
        workplace(apart, tmp_path / "q.onnx"),
    ):
        pass
    bare = onnx.load(str(apart), load_external_data=False)
    for entry in bare.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../secret"
    outside = tmp_path / "models" / "outside.onnx"
    outside.write_bytes(bare.SerializeToString())
    with (
        pytest.raises(InputError, match="outside of its folder"),
        workplace(outside, tmp_path / "q.onnx"),
    ):
        pass
    assert names(tmp_path) == {"models"}
