from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from smalta.runtimes.onnx_weights import weights_of

WEIGHT = np.float32([[1, -2], [0.5, 3]]).reshape(2, 2, 1, 1)
BIAS = np.float32([0.25, -1])


def content(nodes: list[NodeProto], **arrays: np.ndarray) -> bytes:
    """A model of nodes and arrays; "_" in an array's name stands for "."."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("in", "out")]
    kept = [numpy_helper.from_array(array, name.replace("_", ".")) for name, array in arrays.items()]
    model: ModelProto = helper.make_model(helper.make_graph(nodes, "", value[:1], value[1:], kept))
    return model.SerializeToString()


def convolution(weight: str = "w", *bias: str) -> NodeProto:
    return helper.make_node("Conv", ["in", weight, *bias], ["out"], name="encoder.stem")


def test_a_convolutions_weights_have_the_name_of_its_module() -> None:
    found = weights_of(content([convolution("w", "b")], w=WEIGHT, b=BIAS))

    assert found.keys() == {"encoder.stem.weight", "encoder.stem.bias"}
    np.testing.assert_array_equal(found["encoder.stem.weight"], WEIGHT)
    np.testing.assert_array_equal(found["encoder.stem.bias"], BIAS)


def test_other_parameters_keep_their_name_inside_the_network() -> None:
    found = weights_of(content([convolution()], w=WEIGHT, network_norm_running_mean=BIAS.reshape(2)))

    assert found.keys() == {"encoder.stem.weight", "norm.running.mean"}


def test_weights_of_8_bits_are_multiplied_by_their_scales() -> None:
    integers = np.int8([[10, -20], [1, 6]]).reshape(2, 2, 1, 1)
    scales = np.float32([0.1, 0.5]).reshape(2, 1, 1, 1)
    nodes = [
        helper.make_node("Cast", ["q"], ["i"], to=TensorProto.INT32),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "s"], ["w"]),
        convolution(),
    ]

    np.testing.assert_allclose(weights_of(content(nodes, q=integers, s=scales))["encoder.stem.weight"], WEIGHT)


def test_quantised_weights_are_dequantised_along_their_axis() -> None:
    integers = np.uint8([[20, 5], [128, 133]]).reshape(2, 2, 1, 1)  # minus 10 and 127: [[10, -5], [1, 6]]
    scales, zeros = np.float32([0.1, 0.5]), np.uint8([10, 127])
    nodes = [helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=0), convolution()]

    found = weights_of(content(nodes, q=integers, s=scales, z=zeros))

    np.testing.assert_allclose(found["encoder.stem.weight"].ravel(), [1, -0.5, 0.5, 3])


def test_one_scale_may_serve_all_weights() -> None:
    nodes = [helper.make_node("DequantizeLinear", ["q", "s"], ["w"]), convolution()]

    found = weights_of(content(nodes, q=np.int8([[2, -4], [1, 6]]).reshape(2, 2, 1, 1), s=np.float32(0.5)))

    np.testing.assert_allclose(found["encoder.stem.weight"], WEIGHT)


def test_equal_arrays_may_be_stored_once() -> None:
    nodes = [helper.make_node("Identity", ["b"], ["b2"]), convolution("w", "b2")]

    np.testing.assert_array_equal(weights_of(content(nodes, w=WEIGHT, b=BIAS))["encoder.stem.bias"], BIAS)


def test_weights_that_follow_from_the_picture_are_no_weights() -> None:
    nodes = [helper.make_node("Mul", ["in", "s"], ["w"]), convolution()]

    assert weights_of(content(nodes, s=np.float32(2))) == {}
