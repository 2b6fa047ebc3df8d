"""What is read from an ONNX file."""

from __future__ import annotations

import sys

import pytest
from onnx import TensorProto, helper, save

from graphs import FLOAT, FLOAT16, INT8, INT64, UINT8, Input, ultralytics, write_graph
from messages import text_of
from strangers import open_folder, said_to_a_stranger
from streamcalib.errors import MissingExtraError, ModelError
from streamcalib.graph import describe_input, read_image_input

OPEN_SIZE = ("batch", 3, "height", "width")


@pytest.mark.parametrize(
    ("image", "layout", "batch", "size", "text"),
    [
        (Input(), "NCHW", 1, (640, 640), "1x3x640x640"),
        (Input(shape=(8, 3, 320, 480)), "NCHW", 8, (320, 480), "8x3x320x480"),
        (Input(shape=("batch", 3, 640, 640)), "NCHW", None, (640, 640), "batchx3x640x640"),
        (Input(shape=OPEN_SIZE), "NCHW", None, (None, None), "batchx3xheightxwidth"),
        (Input(shape=(1, 3, 640, "w")), "NCHW", 1, (640, None), "1x3x640xw"),
        (Input(shape=(None, None, None, None)), "NCHW", None, (None, None), "?x?x?x?"),
        (Input(shape=(1, None, 640, 640)), "NCHW", 1, (640, 640), "1x?x640x640"),
        (Input(shape=(-1, 3, -1, -1)), "NCHW", None, (None, None), "-1x3x-1x-1"),
        (Input(shape=(1, 320, 480, 3)), "NHWC", 1, (320, 480), "1x320x480x3"),
        (Input(shape=("n", "h", "w", 3)), "NHWC", None, (None, None), "nxhxwx3"),
        (Input(shape=(1, 3, 8, 3)), "NCHW", 1, (8, 3), "1x3x8x3"),
    ],
)
def test_the_shape_of_the_image_input(tmp_path, image, layout, batch, size, text):
    """Layout, batch and sides are the graph's; what it leaves open is None."""
    found = read_image_input(write_graph(tmp_path / "m.onnx", image))
    assert (found.name, found.dtype) == ("images", "float32")
    assert (found.layout, found.batch) == (layout, batch)
    assert (found.height, found.width) == size
    assert found.shape_text == text
    assert found.model == str(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("dtype", "name"), [(FLOAT, "float32"), (FLOAT16, "float16"), (UINT8, "uint8")]
)
def test_the_dtype_of_the_image_input(tmp_path, dtype, name):
    """A row can have any dtype that image inputs have."""
    path = write_graph(tmp_path / "m.onnx", Input("x", dtype=dtype))
    assert (read_image_input(path).dtype, read_image_input(path).name) == (name, "x")


@pytest.mark.parametrize(
    ("further", "described"),
    [
        ((Input("scale", ()),), ["float32, scalar"]),
        (
            (Input("size", ("n", 2), INT64), Input("flag", (1,))),
            ["int64, ?x2", "float32, 1"],
        ),
        ((Input("a", None),), ["float32, of unknown shape"]),
    ],
)
@pytest.mark.parametrize("image_first", [True, False])
def test_further_inputs_are_told_apart(tmp_path, further, described, image_first):
    """Scalars and matrices beside the image are no images; names, dtypes and shapes are read."""
    inputs = (Input(), *further) if image_first else (*further, Input())
    found = read_image_input(write_graph(tmp_path / "m.onnx", *inputs))
    assert found.name == "images"
    assert [other.name for other in found.other_inputs] == [each.name for each in further]
    assert [describe_input(other) for other in found.other_inputs] == described


@pytest.mark.parametrize(("name", "other"), [("left", "right"), ("right", "left")])
def test_one_of_several_image_inputs_is_named(tmp_path, name, other):
    """The one that is named takes the rows, and the others are further inputs."""
    shapes = {"left": (1, 3, 16, 32), "right": (1, 24, 48, 3)}
    path = write_graph(tmp_path / "m.onnx", *(Input(key, shape) for key, shape in shapes.items()))
    found = read_image_input(path, name)
    assert found.name == name
    assert found.shape_text == "x".join(map(str, shapes[name]))
    assert found.other_inputs == ((other, "float32", shapes[other]),)


def test_a_name_that_is_no_image_input_is_refused(tmp_path):
    """The inputs that there are stand in the message."""
    path = write_graph(tmp_path / "m.onnx", Input("a"), Input("b"), Input("size", (1, 2)))
    for name in ("c", "size"):
        with pytest.raises(ModelError) as caught:
            read_image_input(path, name)
        message = text_of(caught.value)
        assert f"--input-name says {name!r}, which is no image input" in message
        assert "'a' (1x3x640x640), 'b' (1x3x640x640), 'size' (1x2)" in message


def test_a_grey_model_is_told_as_one(tmp_path):
    """One channel is not three, and that is not served yet."""
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 1, 28, 28)))
    with pytest.raises(ModelError, match="grey images, which are not served yet"):
        read_image_input(path)
    path = write_graph(tmp_path / "m.onnx", Input(shape=(1, 4, 28, 28)))
    with pytest.raises(ModelError) as caught:
        read_image_input(path)
    assert "grey images" not in text_of(caught.value)


def test_outputs_and_metadata_are_read(tmp_path):
    """What the graph gives, and all that Ultralytics says."""
    metadata = ultralytics(task="pose", description="a model", head="Pose", names="{0: 'x'}")
    shapes = [(1, 56, 8400), ("n", 2), None]
    path = write_graph(tmp_path / "m.onnx", Input(), metadata=metadata, outputs=shapes)
    found = read_image_input(path)
    assert [output.shape for output in found.outputs] == [(1, 56, 8400), (None, 2), None]
    assert found.ultralytics == ("pose", "a model", "Pose", (640, 640), "32", "{0: 'x'}")
    assert read_image_input(write_graph(tmp_path / "p.onnx", Input())).ultralytics is None


def test_weights_among_the_inputs_are_no_inputs(tmp_path):
    """Old exporters list initializers as inputs; they need no value."""
    found = read_image_input(write_graph(tmp_path / "m.onnx", Input(), weights=("w1", "w2")))
    assert found.other_inputs == ()


def test_weights_in_other_files_are_not_read(tmp_path):
    """A graph whose weights are elsewhere, and absent, can be read."""
    path = write_graph(tmp_path / "m.onnx", Input())
    tensor = helper.make_tensor("w", FLOAT, (2,), (1.0, 2.0))
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="gone.bin")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["y"])],
        "small",
        [helper.make_tensor_value_info("images", FLOAT, (1, 3, 32, 32))],
        [helper.make_tensor_value_info("y", FLOAT, (1, 3, 32, 32))],
        [tensor],
    )
    save(helper.make_model(graph), str(path))
    assert read_image_input(path).height == 32


@pytest.mark.parametrize(
    ("imgsz", "expected"),
    [
        ("[640, 640]", (640, 640)),
        ("[320, 480]", (320, 480)),
        ("640", None),
        ("[640]", None),
        ("[640.0, 640.0]", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_ultralytics_size_is_read_where_it_is_one(tmp_path, imgsz, expected):
    """The ``imgsz`` that Ultralytics writes is a height and a width; anything else is none."""
    path = write_graph(tmp_path / "m.onnx", Input(), metadata=ultralytics(imgsz=imgsz))
    assert read_image_input(path).metadata_imgsz == expected


def test_a_graph_of_another_exporter_has_no_size_to_tell(tmp_path):
    """Without metadata there is no hint."""
    assert read_image_input(write_graph(tmp_path / "m.onnx", Input())).metadata_imgsz is None


@pytest.mark.parametrize(
    ("inputs", "metadata", "says"),
    [
        ([Input("a"), Input("b")], {}, "2 image inputs: say with --input-name which one"),
        ([Input("a"), Input("b")], {}, "'a' (1x3x640x640), 'b' (1x3x640x640)"),
        ([Input("tokens", (1, 77), INT64)], {}, "no image input"),
        ([Input("tokens", (1, 77), INT64)], {}, "its inputs: 'tokens' (1x77)"),
        ([Input("x", ())], {}, "'x' (scalar)"),
        ([Input("x", None)], {}, "'x' (of unknown shape)"),
        ([Input(shape=(1, 1, 28, 28))], {}, "'images' of"),
        ([Input(shape=(1, 1, 28, 28))], {}, "shape 1x1x28x28: neither axis 1 nor axis 3 has 3"),
        ([Input(shape=(1, 28, 28, 1))], {}, "shape 1x28x28x1"),
        ([Input(shape=(1, None, 28, 1))], {}, "shape 1x?x28x1"),
        ([Input(shape=(1, 4, 64, 64))], {}, "shape 1x4x64x64"),
        ([Input(dtype=INT8)], {}, "takes INT8; rows can be float32, float16 or uint8"),
        ([Input(dtype=TensorProto.DOUBLE)], {}, "takes DOUBLE"),
        ([Input("a\x1b\n"), Input("b", (1, 3, "h\x1b", "w"))], {}, r"'a\x1b\n' (1x3x640x640)"),
        ([Input("a\x1b\n"), Input("b", (1, 3, "h\x1b", "w"))], {}, r"'b' (1x3xh\x1bxw)"),
        ([Input("a\x1b\n", (1, 1, 8, 8))], {}, r"'a\x1b\n' of"),
        ([Input("a\x1b\n", dtype=INT8)], {}, r"'a\x1b\n' of"),
    ],
)
def test_a_graph_that_cannot_be_served_is_refused(tmp_path, inputs, metadata, says):
    """The message names the file, the inputs, and what would be needed."""
    path = write_graph(tmp_path / "m\x1b.onnx", *inputs, metadata=metadata)
    with pytest.raises(ModelError) as caught:
        read_image_input(path)
    message = text_of(caught.value)
    assert says in message
    assert r"m\x1b.onnx" in message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "the model {} does not exist"),
        (b"", "{} is not an ONNX model: it holds no graph"),
        (b"images: 640\nclasses: 80\n", "{} is not an ONNX model"),
        (b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'shape': (1,)}", "{} is not an ONNX model"),
        (b"{}", "{} is not an ONNX model"),
        (b"PK\x03\x04" + bytes(100), "{} is not an ONNX model"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "{} is not an ONNX model"),
    ],
)
@pytest.mark.parametrize("ending", [".onnx", ".json", ".txt", ".pbtxt", ".onnxtxt"])
def test_what_is_no_model_is_refused(tmp_path, data, says, ending):
    """A missing, empty or other file says so, whatever it is called."""
    path = tmp_path / f"mo\x1bdel\n{ending}"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        read_image_input(path)
    assert says.format(rf"{tmp_path}/mo\x1bdel\n{ending}") in text_of(caught.value)


def test_half_a_model_is_refused(tmp_path):
    """A download that broke off is no model."""
    path = write_graph(tmp_path / "m.onnx", Input())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError, match="is not an ONNX model"):
        read_image_input(path)


def test_a_folder_is_no_model(tmp_path):
    """A folder, like an OpenVINO export's, is told as one."""
    with pytest.raises(ModelError) as caught:
        read_image_input(tmp_path)
    assert text_of(caught.value) == f"the model {tmp_path} cannot be read: Is a directory."


def test_a_model_that_may_not_be_read_says_so():
    """Missing permission is told, not raised."""
    with open_folder() as folder:
        write_graph(folder / "m.onnx", Input()).chmod(0)
        said = said_to_a_stranger(f"read_image_input('{folder}/m.onnx')", imports="import onnx")
    assert said == f"ModelError: the model {folder}/m.onnx cannot be read: Permission denied."


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    """Reading a model needs ``onnx``; the message says how to install it."""
    path = write_graph(tmp_path / "m.onnx", Input())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError) as caught:
        read_image_input(path)
    assert "pip install 'streamcalib[onnx]'" in text_of(caught.value)
    assert caught.value.exit_code == 2
