"""``streamcalib quantize`` against ModelOpt's own command line: scales, memory, refusals, ends."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import smallsets
from smallsets import Told
from streamcalib import ImageList, Recipe, build, finalize
from yolo_like import activation_scales, write_yolo_like

pytestmark = [
    pytest.mark.modelopt,
    pytest.mark.skipif(
        importlib.util.find_spec("modelopt") is None
        or importlib.util.find_spec("onnxruntime") is None,
        reason="nvidia-modelopt and onnxruntime are not installed",
    ),
]
SIDE = 64
METHODS = ("max", "entropy")


def quantized(cwd: Path, *commands: tuple[object, ...]) -> list[Told]:
    """Run ``quantize`` with these arguments, one after the other, in a process of its own."""
    file = cwd / "commands.json"
    file.write_text(json.dumps([["quantize", *map(str, each)] for each in commands]))
    script = Path(__file__).with_name("quantizing.py")
    done = subprocess.run(
        [sys.executable, str(script), str(file)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [Told(**each) for each in json.loads(file.with_suffix(".told").read_text())]


def by_modelopt(model: Path, data: Path, out: Path, method: str) -> dict[str, float]:
    """Run ModelOpt's own command line and return the scales it found."""
    command = [
        *(sys.executable, "-m", "modelopt.onnx.quantization", f"--onnx_path={model}"),
        *("--quantize_mode=int8", f"--calibration_data_path={data}", f"--output_path={out}"),
        *(f"--calibration_method={method}", "--calibration_eps", "cpu"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return activation_scales(out)


@pytest.fixture(scope="module")
def job(tmp_path_factory, photographs):
    """A folder with a model, twelve photographs, their list, and sets of every kind."""
    folder = tmp_path_factory.mktemp("quantize")
    (folder / "photos").mkdir()
    contents = list(photographs.values())
    for number in range(12):
        (folder / "photos" / f"{number:03d}.jpg").write_bytes(contents[number % 3])
    names = [f"photos/{number:03d}.jpg" for number in range(12)]
    smallsets.write_list(folder / "list.txt", names)
    model = write_yolo_like(folder / "model.onnx", SIDE)
    images = ImageList.read(folder / "list.txt", root=folder)
    made = build(images, folder / "calib.npy", model=model, jobs=1)
    finalize(made, folder / "calib.npz")
    build(images, folder / "calib.zarr", model=model, jobs=1)
    build(images, folder / "canvases.npy", model=model, store="uint8", jobs=1)
    return folder


def test_scales_are_those_of_modelopts_command_line(job, tmp_path):
    """From every kind of set, from a list and from a folder, for both methods, to the bit."""
    sources = {
        "npy": ("--calibration", job / "calib.npy"),
        "npz": ("--calibration", job / "calib.npz"),
        "zarr": ("--calibration", job / "calib.zarr"),
        "uint8": ("--calibration", job / "canvases.npy"),
        "list": ("--list", job / "list.txt", "--root", job),
        "images": ("--images", job / "photos", "--count", 12, "--jobs", 2),
    }
    commands = [
        (
            job / "model.onnx",
            *source,
            "--out",
            f"{name}-{method}.onnx",
            "--",
            "--calibration_method",
            method,
            "--calibration_eps",
            "cpu",
        )
        for method in METHODS
        for name, source in sources.items()
    ]
    for told in quantized(tmp_path, *commands):
        assert told.code == 0, told.err
    scales = {}
    for method in METHODS:
        expected = by_modelopt(
            job / "model.onnx", job / "calib.npy", tmp_path / f"theirs-{method}.onnx", method
        )
        assert len(expected) >= 4
        for name in sources:
            path = tmp_path / f"{name}-{method}.onnx"
            # The folder's rows are drawn, so in another order, which changes entropy's histograms.
            if (name, method) != ("images", "entropy"):
                assert activation_scales(path) == expected, (name, method)
        scales[method] = expected
        assert (tmp_path / f"npy-{method}.onnx").read_bytes() == (
            tmp_path / f"list-{method}.onnx"
        ).read_bytes()
    assert scales["max"] != scales["entropy"]
    left = {path.name for path in tmp_path.iterdir()}
    assert "images-max.onnx.quant12.txt" in left
    assert not [name for name in left if name.startswith(".") or "_named" in name]


def test_what_is_printed_and_recorded(job, tmp_path):
    """Rows, list, seed, recipe, steps, memory, warning; the record says it again, with hashes."""
    (told,) = quantized(
        tmp_path,
        (
            job / "model.onnx",
            "--images",
            job / "photos",
            "--count",
            7,
            "--seed",
            3,
            "--out",
            "q.onnx",
            "--",
            "--calibration_method",
            "max",
        ),
    )
    assert told.code == 0, told.err
    for said in (
        "7 rows made of images",
        "with seed 3",
        "yolo11 64x64 RGB NCHW float32",
        "7 of 1 row",
        "344.1 kB that a loaded set would take",
        "int8, max, calibrated on cpu",
        "q.onnx.quant7.txt is the list",
    ):
        assert said in told.out
    assert "at least 500 images" in told.err
    assert "INFO" not in told.err + told.out
    assert "GPU count" not in told.err
    assert "it/s" not in told.err
    record = json.loads((tmp_path / "q.onnx.json").read_text())
    assert record["calibration"]["rows"] == 7
    assert record["calibration"]["images"]["chosen"]["seed"] == 3
    assert record["steps"] == {
        "count": 7,
        "batch_size": 1,
        "layout": "NCHW",
        "rows_dropped": 0,
        "rows_repeated": 0,
    }
    assert record["options"]["calibration_method"] == "max"
    assert {"nvidia-modelopt", "onnxruntime", "streamcalib"} <= set(record["versions"])
    images = ImageList.read(tmp_path / "q.onnx.quant7.txt")
    assert len(images) == 7
    assert images.entries_sha256 == record["calibration"]["images"]["entries_sha256"]
    assert images.provenance["seed"] == 3
    # The kept list makes the same model, and a set of it has the same rows.
    calibration = build(images, tmp_path / "calib.npy", model=job / "model.onnx", jobs=1)
    again = quantized(
        tmp_path,
        (
            job / "model.onnx",
            "--list",
            "q.onnx.quant7.txt",
            "--out",
            "a.onnx",
            "--quiet",
            "--",
            "--calibration_method",
            "max",
        ),
        (
            job / "model.onnx",
            "--calibration",
            calibration.path,
            "--out",
            "b.onnx",
            "--",
            "--calibration_method",
            "max",
            "--log_level",
            "INFO",
        ),
    )
    assert [each.code for each in again] == [0, 0], again
    assert again[0].out == ""
    assert "warning" not in again[0].err
    assert "ModelOpt, info: Quantization process completed" in again[1].err
    for name in ("a", "b"):
        other = json.loads((tmp_path / f"{name}.onnx.json").read_text())
        assert other["output"][f"{name}.onnx"]["sha256"] == record["output"]["q.onnx"]["sha256"]
        assert other["model"]["sha256"] == record["model"]["sha256"]
        sums = (each["calibration"]["canvases_crc32c"] for each in (other, record))
        assert len(set(sums)) == 1


def test_remainder_batch_and_layout(job, tmp_path):
    """Steps of a fixed or declared batch; what is left over is refused, dropped or repeated."""
    fixed = write_yolo_like(tmp_path / "b5.onnx", SIDE, batch=5)
    open_batch = write_yolo_like(tmp_path / "open.onnx", SIDE, batch="batch")
    data = ("--calibration", job / "calib.npy")
    most = ("--", "--calibration_method", "max", "--calibration_eps", "cpu")
    told = quantized(
        tmp_path,
        (fixed, *data, "--out", "error.onnx", *most),
        (fixed, *data, "--out", "drop.onnx", "--remainder", "drop", *most),
        (fixed, *data, "--out", "pad.onnx", "--remainder", "pad", *most),
        (
            open_batch,
            *data,
            "--out",
            "four.onnx",
            *most,
            "--calibration_shapes",
            f"images:4x3x{SIDE}x{SIDE}",
        ),
        (open_batch, *data, "--out", "six.onnx", "--batch-size", 6, *most),
        (fixed, *data, "--out", "seven.onnx", "--batch-size", 6, *most),
    )
    assert [each.code for each in told] == [2, 0, 0, 0, 0, 2], told
    assert "does not divide the 12 rows" in told[0].err
    assert "2 of 5 rows; the last 2 rows left out" in told[1].out
    assert "3 of 5 rows; the last one filled up with the first 3 rows" in told[2].out
    assert "3 of 4 rows" in told[3].out
    assert "2 of 6 rows" in told[4].out
    assert "fixed at 5" in told[5].err
    steps = json.loads((tmp_path / "drop.onnx.json").read_text())["steps"]
    assert (steps["count"], steps["rows_dropped"]) == (2, 2)
    # Of the largest values it makes no difference how the rows are dealt.
    expected = by_modelopt(job / "model.onnx", job / "calib.npy", tmp_path / "t.onnx", "max")
    for name in ("pad", "four", "six"):
        assert list(activation_scales(tmp_path / f"{name}.onnx").values()) == list(
            expected.values()
        ), name


def test_refusals(job, tmp_path):
    """What ModelOpt would accept wrongly, and what clashes, is refused, and nothing is written."""
    model = job / "model.onnx"
    images = ImageList.read(job / "list.txt", root=job)

    def calibration(name: str, **recipe: object) -> tuple[str, Path]:
        path = tmp_path / name
        build(images, path, recipe=replace(Recipe.yolo11(SIDE), **recipe), jobs=1)
        return "--calibration", path

    damaged = calibration("damaged.npy")
    array = np.load(damaged[1], mmap_mode="r+")
    array[5, 1, 2, 3] = np.nan
    array.flush()
    (tmp_path / "there.onnx").write_bytes(b"something")
    good = ("--calibration", job / "calib.npy")
    plain = write_plain(tmp_path / "plain.onnx")
    shutil.copy(job / "calib.npy", tmp_path / "bare.npy")
    cases = {
        "0-255": (
            (model, *calibration("raw.npy", scale=1.0)),
            2,
            "nothing in the graph normalizes",
        ),
        "size": ((model, *calibration("size.npy", height=32, width=32)), 2, "64x64 pixels"),
        "dtype": ((model, *calibration("half.npy", dtype="float16")), 2, "takes float32"),
        "name": ((model, *good, "--input-name", "x"), 2, "called 'images', not 'x'"),
        "damage": ((model, *damaged), 4, "CRC-32C"),
        "no manifest": ((model, "--calibration", tmp_path / "bare.npy"), 2, "no manifest"),
        "unwritten": ((model, "--calibration", tmp_path / "none.npy"), 2, "does not exist"),
        "clash": ((model, *good, "--", "--output_path", "x"), 2, "said by --out"),
        "pickle": ((model, *good, "--", "--trust_calibration_data"), 2, "nothing is unpickled"),
        "abbreviated": ((model, *good, "--", "--onnx", "x"), 2, "the first argument"),
        "data": ((model, *good, "--", "--calibration_data_path=x"), 2, "--calibration, --images"),
        "wrong value": ((model, *good, "--", "--quantize_mode", "int3"), 2, "invalid choice"),
        "unknown": ((model, *good, "--", "--nonsense"), 2, "unrecognized arguments"),
        "too early": ((model, *good, "--quantize_mode", "int8"), 2, "go behind --"),
        "nothing": ((plain, *good), 1, "nothing to quantize"),
        "two sources": ((model, *good, "--list", job / "list.txt"), 2, "say one of"),
        "no source": ((model,), 2, "say one of"),
        "of images": ((model, *good, "--seed", 3), 2, "--seed is not for --calibration"),
    }
    before = {path.name for path in tmp_path.iterdir()}
    commands = [(c[0], "--out", "q.onnx", *c[1:]) for c, _, _ in cases.values()]
    told = quantized(
        tmp_path,
        *commands,
        (model, *good, "--out", "there.onnx"),
        (model, *good, "--out", "q.txt"),
        (model, *good, "--out", model, "--overwrite"),
    )
    for (name, (_, code, said)), each in zip(cases.items(), told, strict=False):
        assert each.code == code, (name, each)
        assert said in each.err, (name, each.err)
        assert "Traceback" not in each.err, (name, each.err)
    for each, said in zip(
        told[-3:], ("--overwrite", "must end in .onnx", "model itself"), strict=True
    ):
        assert (each.code, said in each.err) == (2, True), each
    after = {path.name for path in tmp_path.iterdir()}
    assert after - before == {"commands.json", "commands.told"}
    assert (tmp_path / "there.onnx").read_bytes() == b"something"


def test_options_are_read_before_images(job, tmp_path):
    """A wrong option of ModelOpt is told before a source is; then too few images, or no list."""
    few = (job / "model.onnx", "--out", "q.onnx", "--images", job / "photos", "--count", 99)
    cases = {
        "unrecognized arguments": (*few, "--", "--nonsense"),
        "holds 12": few,
        "none.txt": (job / "model.onnx", "--out", "q.onnx", "--list", "none.txt"),
    }
    for said, each in zip(cases, quantized(tmp_path, *cases.values()), strict=True):
        assert (each.code, said in each.err) == (2, True), each


def write_plain(path: Path) -> Path:
    """Write a graph of images that has no node which ModelOpt quantizes."""
    shape = (1, 3, SIDE, SIDE)
    graph = helper.make_graph(
        [helper.make_node("Neg", ["images"], ["output0"], name="neg")],
        "plain",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), str(path))
    return path


def test_overwrite_external_data_and_intermediate_files(job, tmp_path):
    """Weights apart are published and replaced with their model; what is asked for is kept."""
    model = onnx.load(str(job / "model.onnx"))
    onnx.save(
        copy.deepcopy(model),
        str(tmp_path / "apart.onnx"),
        save_as_external_data=True,
        location="apart.bin",
        size_threshold=100,
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "q.onnx").write_bytes(b"old")
    arguments = (tmp_path / "apart.onnx", "--calibration", job / "calib.npy", "--overwrite")
    most = ("--", "--calibration_method", "max", "--calibration_eps", "cpu")
    told = quantized(
        tmp_path,
        (*arguments, "--out", "out/q.onnx", *most, "--use_external_data_format"),
        (*arguments, "--out", "k.onnx", *most, "--keep_intermediate_files"),
    )
    assert [each.code for each in told] == [0, 0], told
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"q.onnx", "q.onnx_data", "q.onnx.json"}
    expected = by_modelopt(job / "model.onnx", job / "calib.npy", tmp_path / "t.onnx", "max")
    assert activation_scales(out / "q.onnx") == expected
    assert activation_scales(tmp_path / "k.onnx") == expected
    assert list(tmp_path.glob("apart_*.onnx"))
    (again,) = quantized(tmp_path, (*arguments, "--out", "out/q.onnx", *most))
    assert again.code == 0, again
    assert {path.name for path in out.iterdir()} == {"q.onnx", "q.onnx.json"}
    assert activation_scales(out / "q.onnx") == expected


def test_a_failure_of_modelopt_is_put_to_people(job, tmp_path):
    """Its exception becomes one message, and nothing is left."""
    (told,) = quantized(
        tmp_path,
        (
            job / "model.onnx",
            "--calibration",
            job / "calib.npy",
            "--out",
            "q.onnx",
            "--",
            "--calibration_eps",
            "abacus",
        ),
    )
    assert told.code == 1
    assert "ModelOpt failed on model.onnx" in told.err
    assert "abacus" in told.err
    assert "Traceback" not in told.err
    assert {path.name for path in tmp_path.iterdir()} == {"commands.json", "commands.told"}


def test_bad_images(job, tmp_path):
    """Named before anything is calibrated; left out or replaced on demand, and recorded."""
    shutil.copytree(job / "photos", tmp_path / "photos")
    broken = tmp_path / "photos" / "004.jpg"
    broken.write_bytes(broken.read_bytes()[:5000])
    names = [f"photos/{number:03d}.jpg" for number in range(12)]
    smallsets.write_list(tmp_path / "list.txt", names)
    arguments = (job / "model.onnx", "--list", "list.txt", "--out", "q.onnx")
    stopped, skipped = quantized(
        tmp_path, arguments, (*arguments, "--on-bad", "skip", "--", "--calibration_method", "max")
    )
    assert stopped.code == 3
    assert "photos/004.jpg" in stopped.err
    assert skipped.code == 0, skipped.err
    assert "11 rows made of" in skipped.out
    assert "1 bad image left out" in skipped.out
    record = json.loads((tmp_path / "q.onnx.json").read_text())
    assert record["calibration"]["on_bad_failures"][0]["list_row"] == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_interrupted(job, tmp_path, number):
    """Ctrl-C and SIGTERM end it in the midst of calibration, and leave nothing."""
    model = write_yolo_like(tmp_path / "model.onnx", 640)
    smallsets.write_list(tmp_path / "long.txt", [job / "photos/000.jpg"] * 3000)
    before = {path.name for path in tmp_path.iterdir()}
    process = subprocess.Popen(
        smallsets.command("quantize", model, "--list", "long.txt", "--out", "q.onnx"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob(".q.part/temporary/ort.quant.*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], err
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npy", "zarr", "live"])
def test_memory_is_flat(job, tmp_path, kind):
    """240 rows take no more anonymous memory than 40, but for 30 MB; loaded they would take 98."""
    side = 320
    model = write_yolo_like(tmp_path / "model.onnx", side)
    script = Path(__file__).with_name("quantize_memory.py")
    peaks = []
    for rows in (40, 120, 240):
        listed = [job / f"photos/{number % 12:03d}.jpg" for number in range(rows)]
        listing = smallsets.write_list(tmp_path / f"{rows}.txt", listed)
        source = ("--list", listing)
        if kind != "live":
            source = ("--calibration", tmp_path / f"{rows}.{kind}")
            build(listed, source[1], model=model, jobs=1)
        out = tmp_path / f"q{rows}.onnx"
        command = [sys.executable, script, "quantize", model, *source, "--out", out]
        done = subprocess.run(
            [*map(str, command), "--", "--calibration_method", "max", "--calibration_eps", "cpu"],
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        peaks.append(int(done.stdout.split()[-1]))
    assert max(peaks) - min(peaks) < 30e6, peaks


def test_without_the_extra(job, tmp_path):
    """Where ModelOpt is not installed, the message names the extra; so it does in Python."""
    hidden = "import sys; sys.modules['modelopt'] = None\n"
    told = smallsets.run(
        *("quantize", job / "model.onnx", "--calibration", job / "calib.npy", "--out", "q.onnx"),
        cwd=tmp_path,
        program=hidden + smallsets.PROGRAM,
    )
    assert told.code == 2
    assert 'pip install "streamcalib[modelopt]"' in told.err
    assert not list(tmp_path.iterdir())


def test_python(job, tmp_path):
    """``streamcalib.quantize`` takes a set, its path or a live set, and ModelOpt's keywords."""
    program = f"""
import streamcalib
from streamcalib.errors import InputError
model, out = {str(job / "model.onnx")!r}, {str(tmp_path)!r}
keywords = dict(calibration_method="max", calibration_eps=["cpu"])
told = []
made = streamcalib.quantize(
    model, {str(job / "calib.npy")!r}, out + "/a.onnx", progress=told.append, **keywords
)
assert made.path.name == "a.onnx" and made.list_path is None, made
assert (told[0].stage, told[-1].done, told[-1].total) == ("calibrate", 12, 12), told
assert keywords == dict(calibration_method="max", calibration_eps=["cpu"])
files = [{str(job / "photos")!r} + f"/{{k:03d}}.jpg" for k in range(12)]
rows = streamcalib.live(files, model=model)
made = streamcalib.quantize(model, rows, out + "/b.onnx", **keywords)
assert made.list_path.name == "b.onnx.quant12.txt", made
for wrong in (
    dict(calibration_methd="max"), dict(output_path="x"), dict(calibration_data_reader=None)
):
    try:
        streamcalib.quantize(model, rows, out + "/c.onnx", **wrong)
    except InputError as error:
        print(error)
    else:
        raise AssertionError(wrong)
try:
    streamcalib.quantize(model, [1, 2], out + "/c.onnx")
except InputError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=500, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert "takes no 'calibration_methd'" in done.stdout
    assert "output_path is said by" in done.stdout
    assert "must be a CalibrationSet" in done.stdout
    assert not (tmp_path / "c.onnx").exists()


def test_uint8_inputs_with_normalization_inside(job, tmp_path):
    """A graph that takes bytes gets bytes, and ModelOpt quantizes what comes behind."""
    model = onnx.load(str(job / "model.onnx"))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.initializer.append(numpy_helper.from_array(np.float32(255), "divisor"))
    model.graph.node[0].input[0] = "scaled"
    cast = helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT, name="cast")
    divide = helper.make_node("Div", ["floats", "divisor"], ["scaled"], name="divide")
    model.graph.node.insert(0, divide)
    model.graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, str(tmp_path / "bytes.onnx"))
    most = ("--", "--calibration_method", "max", "--calibration_eps", "cpu")
    taken, refused = quantized(
        tmp_path,
        (
            tmp_path / "bytes.onnx",
            "--list",
            job / "list.txt",
            "--root",
            job,
            "--out",
            "q.onnx",
            *most,
        ),
        (tmp_path / "bytes.onnx", "--calibration", job / "calib.npy", "--out", "r.onnx", *most),
    )
    assert taken.code == 0, taken.err
    assert "NCHW uint8" in taken.out
    assert refused.code == 2
    assert "takes uint8" in refused.err
    assert os.path.exists(tmp_path / "q.onnx")  # noqa: PTH110
