"""TensorFlow's converter and Google's ai-edge-quantizer, on sets that streamcalib built."""

from __future__ import annotations

import numpy as np
import pytest

from consumersets import KINDS, installed, make_sets, marks

if installed("tensorflow", "ai_edge_quantizer"):
    import ai_edge_quantizer as edge_quantizer
    import tensorflow as tf

pytestmark = [
    *marks("tflite", "tensorflow", "ai_edge_quantizer"),
    pytest.mark.filterwarnings("default"),
]

SIDE = 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return make_sets(tmp_path_factory.mktemp("tflite"), 6, SIDE)


@pytest.fixture(scope="module")
def model():
    """A Keras model of two convolutions, pixels last, whose batch is open."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(7)
    return tf.keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 3), name="images"),
            layers.Conv2D(8, 3, strides=2, activation="swish"),
            layers.Conv2D(8, 3, activation="relu"),
        ]
    )


def converted(model, representative_dataset) -> dict[str, float]:
    """Convert to int8, and return every tensor's scale."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = representative_dataset
    return scales(converter.convert())


def scales(flat: bytes) -> dict[str, float]:
    interpreter = tf.lite.Interpreter(model_content=bytes(flat))
    return {
        f"{tensor['index']} {tensor['name']}": tensor["quantization"][0]
        for tensor in interpreter.get_tensor_details()
        if tensor["quantization"][0]
    }


def test_scales_are_those_of_a_plain_list(sets, model):
    """To the bit, from every store, pixels last, as lists and as dicts."""

    def plain(rows):
        return lambda: ([row[None]] for row in rows)

    expected = converted(model, plain(sets.last))
    assert len(expected) >= 4
    for kind in KINDS:
        assert converted(model, sets.open(kind).representative_dataset()) == expected, kind
    by_name = sets.open("uint8.npy").representative_dataset(by_name=True)
    assert converted(model, by_name) == expected
    assert converted(model, plain(sets.last / 2)) != expected


def test_every_call_begins_anew(sets):
    """The converter may ask more than once."""
    dataset = sets.open("canvases.zarr").representative_dataset()
    for _ in range(2):
        given = list(dataset())
        assert {type(item) for item in given} == {list}
        np.testing.assert_array_equal(np.concatenate([item[0] for item in given]), sets.last)


def test_a_bare_array_is_no_item(sets, model):
    """What the converter says to items that are no lists."""
    with pytest.raises(ValueError, match=r"(?i)representative|list"):
        converted(model, lambda: iter(sets.last[:, None]))


class TestEdgeQuantizer:
    """ai-edge-quantizer calibrates a TFLite file over dicts, which it counts first."""

    @pytest.fixture(scope="class")
    def flat(self, model) -> bytes:
        return bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())

    def calibrated(self, flat, steps) -> dict:
        quantizer = edge_quantizer.Quantizer(flat)
        quantizer.add_static_config(
            regex=".*",
            operation_name=edge_quantizer.qtyping.TFLOperationName.ALL_SUPPORTED,
            activation_num_bits=8,
            weight_num_bits=8,
        )
        return quantizer.calibrate({"serving_default": steps})

    def test_ranges_are_those_of_a_plain_list(self, sets, flat):
        """To the bit, from every store."""
        (name,) = tf.lite.Interpreter(model_content=flat).get_signature_list()["serving_default"][
            "inputs"
        ]
        expected = self.calibrated(flat, [{name: row[None]} for row in sets.last])
        assert len(expected) >= 3
        for kind in KINDS:
            reader = sets.open(kind).edge_reader(name)
            found = self.calibrated(flat, reader)
            assert found.keys() == expected.keys()
            for tensor, values in expected.items():
                for which, value in values.items():
                    np.testing.assert_array_equal(found[tensor][which], value, tensor)

    def test_a_generator_is_used_up_by_the_count(self, sets, flat):
        """Why ours begins anew: nothing is calibrated, and nothing is said."""
        name = "images"
        calib = sets.open("float32.npy")
        steps = (step for step in calib.edge_reader(name))
        assert not self.calibrated(flat, steps)
