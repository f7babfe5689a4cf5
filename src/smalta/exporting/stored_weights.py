"""Store an exported model's weights in 8 bits; the network still computes in floating point.

In:  a graph in float32.
Out: the same graph in a third of the bytes: before each large convolution, integers are cast and multiplied by scales.

Runtimes do that once, when they load the file. So the answers are the same on every processor, and as fast as before.
Precision "int8" differs: it rounds maps too, and processors without VNNI add products of 8 bits in 16 bits, where sums
can overflow.

The cast goes by way of 32-bit integers. After a single cast, or with DequantizeLinear, OpenVINO 2026.4 keeps the stored
numbers and converts them at run time, and with two streams it then computes with wrong weights.

Must not know: PyTorch, data sets, whether the result is good enough.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

Stored = Literal["full", "int8"]
STORED: tuple[Stored, ...] = get_args(Stored)
# smaller arrays stay: in the default network they are a tenth of the bytes and cause two thirds of the error
LEAST_ELEMENTS = 2**15
LARGEST = 127


def in_8_bits(graph: ModelProto) -> ModelProto:
    """A copy of a graph in which the weights of large convolutions are integers of 8 bits.

    Each output channel has its own scale: its largest absolute weight becomes 127. Weights are rounded to the nearest
    integer. Biases, and weights of fewer than `LEAST_ELEMENTS` elements, stay as they are.

    Args:
        graph: in float32; it is not changed.
    """
    small = ModelProto()
    small.CopyFrom(graph)
    arrays = {array.name: array for array in small.graph.initializer}
    wanted = dict.fromkeys(node.input[1] for node in small.graph.node if node.op_type == "Conv")
    nodes = []
    for name in (name for name in wanted if name in arrays):
        weights = numpy_helper.to_array(arrays[name])
        if weights.dtype != np.float32 or weights.size < LEAST_ELEMENTS:
            continue
        integers, scales, longer, floats = (f"{name}:{part}" for part in ("integers", "scales", "int32", "float32"))
        small.graph.initializer.remove(arrays[name])
        small.graph.initializer.extend(map(numpy_helper.from_array, rounded(weights), (integers, scales)))
        nodes.append(helper.make_node("Cast", [integers], [longer], name=longer, to=TensorProto.INT32))
        nodes.append(helper.make_node("Cast", [longer], [floats], name=floats, to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [floats, scales], [name], name=name))
    following = list(small.graph.node)
    del small.graph.node[:]
    small.graph.node.extend([*nodes, *following])
    return small


def rounded(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers, and scales whose product with them is near the weights.

    Args:
        weights: (C, ...) float32.

    Returns:
        (C, ...) int8 in -127..127, and (C, 1, ...) float32.

    Example:
        >>> integers, scales = rounded(np.float32([[0.25, -1], [2, 0.5]]))
        >>> (127 * scales).tolist(), integers.tolist()
        ([[1.0], [2.0]], [[32, -127], [127, 32]])
    """
    others = tuple(range(1, weights.ndim))
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scales = np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)
    return np.rint(weights / scales).clip(-LARGEST, LARGEST).astype(np.int8), scales
