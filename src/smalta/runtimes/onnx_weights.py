"""Read the weights of an exported model as float32 arrays, whatever form they are stored in.

In:  the content of a file that `smalta.runtimes.onnx_file` accepted.
Out: arrays by the names of the network's modules.

A convolution's node is named after its module. Batch normalisation is folded into it, so its bias may be another one
than the module's. Weights may be rounded: a runtime multiplies them by scales (DequantizeLinear, or Cast and Mul).

Must not know: PyTorch, networks, how the weights are used.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

PREFIX = "network."  # the exporter's name for the network inside the exported graph


def weights_of(content: bytes) -> dict[str, np.ndarray]:
    """The weights of an exported model.

    Args:
        content: of the file.

    Returns:
        float32 arrays: "MODULE.weight" and "MODULE.bias" of each convolution, as they are computed with, and the other
        parameters under their own names.
    """
    graph = ModelProto.FromString(content).graph
    arrays = {array.name: array for array in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    found = {
        name.removeprefix(PREFIX): numpy_helper.to_array(array).astype(np.float32)
        for name, array in arrays.items()
        if name.startswith(PREFIX) and array.data_type == TensorProto.FLOAT
    }
    for node in graph.node:
        if node.op_type == "Conv":
            for part, name in zip(("weight", "bias"), node.input[1:], strict=False):
                if (value := _constant(name, arrays, made)) is not None:
                    found[f"{node.name}.{part}"] = value.astype(np.float32)
    return found


def _constant(name: str, arrays: Mapping[str, TensorProto], made: Mapping[str, NodeProto]) -> np.ndarray | None:
    """The array that a runtime computes for a name when it loads the file; None if it depends on the picture."""
    if name in arrays:
        return numpy_helper.to_array(arrays[name])
    node = made.get(name)
    if node is None or node.op_type not in ("DequantizeLinear", "Cast", "Mul", "Identity"):
        return None
    inputs = [_constant(source, arrays, made) for source in node.input]
    known = [value for value in inputs if value is not None]
    if len(known) < len(inputs):
        return None
    if node.op_type == "Identity":  # the exporter stores equal arrays once
        return known[0]
    if node.op_type == "Mul":
        return known[0] * known[1]
    settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "Cast":
        return known[0].astype(helper.tensor_dtype_to_np_dtype(settings["to"]))
    return _dequantised(known, axis=settings.get("axis", 1))


def _dequantised(inputs: list[np.ndarray], *, axis: int) -> np.ndarray:
    """(integers - zero point) * scale, with one scale for all or one for each place on an axis (ONNX standard)."""
    integers, scale = inputs[0].astype(np.float32), inputs[1]
    zero = inputs[2].astype(np.float32) if len(inputs) > 2 else np.zeros_like(scale)
    if scale.ndim == 1:
        shape = [-1 if place == axis % integers.ndim else 1 for place in range(integers.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return (integers - zero) * scale
