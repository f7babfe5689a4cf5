"""Find the work of a network, from its configuration, or of an exported model.

In:  a configuration, or the content of an examined ONNX file; the size of a picture.
Out: `Work`.

`smalta.model.tracing` traces a network, which needs PyTorch. OpenVINO infers the shapes of an exported model; this
allocates and computes nothing.

Must not know: seconds, machines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.description.workload import Kind, Layer, Workload, convolution_name
from smalta.errors import ModelError
from smalta.planning.candidates import ANSWER_BYTES, TRAINING_BATCH, Work
from smalta.planning.plan import Task
from smalta.runtimes.registry import PYTORCH, runtimes_for
from smalta.system.first_use import import_openvino

MOST_TRACED = 1024  # pixels of a side; the work of larger pictures is scaled from it

_OPERATORS: Mapping[str, tuple[Kind, int]] = {  # kind and operations per element
    "Clamp": ("activation", 2),
    "Relu": ("activation", 1),
    "PRelu": ("activation", 2),
    "HSwish": ("activation", 4),
    "HSigmoid": ("activation", 3),
    "Swish": ("activation", 6),
    "Gelu": ("activation", 8),
    "Sigmoid": ("activation", 5),
    "BatchNormInference": ("norm", 4),
    "MVN": ("norm", 8),
    "Interpolate": ("resize", 8),
    "MaxPool": ("pool", 9),
    "AvgPool": ("pool", 4),
    "ReduceMean": ("pool", 1),
    "SoftMax": ("softmax", 8),
    "Softmax": ("softmax", 8),
    "Add": ("arithmetic", 1),
    "Multiply": ("arithmetic", 1),
    "Subtract": ("arithmetic", 1),
    "Divide": ("arithmetic", 1),
    "Power": ("arithmetic", 4),
    "Maximum": ("activation", 1),
    "Minimum": ("activation", 1),
    "MatMul": ("dense", 1),
}
_SHAPES_ALONE = {"Parameter", "Constant", "Result", "Reshape", "Squeeze", "Unsqueeze", "ShapeOf", "FakeQuantize"}
_PARTS = {"Slice", "StridedSlice", "Gather"}  # read what they write, and not the whole map
_LEAST_ELEMENTS = 256  # below: arithmetic of shapes


def work_of_network(
    config: NetworkConfig,
    size_hw: tuple[int, int],
    task: Task,
    *,
    batch: int = TRAINING_BATCH,
    answer_bytes: int = ANSWER_BYTES,
    fine_kept: bool = False,
) -> Work:
    """The work of a network in PyTorch.

    Args:
        config: of the network.
        size_hw: of the picture or the training crop, pixels.
        task: training or inference.
        batch: wanted pictures per training step.
        answer_bytes: as in `Work`.
        fine_kept: whether training keeps the encoder's fine layers (`Encoder.keep_fine_layers`).

    Raises:
        ModelError: if PyTorch is not installed, or the encoder is unknown.
    """
    if find_spec(PYTORCH.package) is None:
        raise ModelError(
            "planning for a model that is not exported needs PyTorch; run `pip install 'smalta[train]'`, or export it"
        )
    from smalta.model.tracing import trace

    traced, factor = _traced_size(size_hw)
    workloads = {
        bits: trace(config, traced, bf16=bits == 16, training=task == "training", fine_kept=fine_kept).scaled(factor)
        for bits in (32, 16)
    }
    able = [kind for kind in runtimes_for(exported=False) if task == "inference" or kind.trains]
    return Work(
        task=task,
        size_hw=size_hw,
        workloads=workloads,
        runtimes=tuple(kind.name for kind in able),
        batch=batch,
        answer_bytes=answer_bytes,
    )


def work_of_model(
    content: bytes, info: ModelInfo, size_hw: tuple[int, int], *, answer_bytes: int = ANSWER_BYTES
) -> Work:
    """The work of an exported model.

    Args:
        content: of an ONNX file that `smalta.runtimes.onnx_file.examine` accepted.
        info: its description.
        size_hw: of the picture, pixels.
        answer_bytes: as in `Work`.

    Raises:
        ModelError: if OpenVINO cannot read it.
    """
    openvino = import_openvino()
    traced, factor = _traced_size(size_hw)
    if info.precision == "int8":
        content = _without_rounding(content)
    try:
        model = openvino.Core().read_model(content)
        model.reshape([1, *traced, 3])
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read the model: {' '.join(str(error).split())[:300]}") from error
    installed = [kind for kind in runtimes_for(exported=True) if find_spec(kind.package) is not None]
    return Work(
        task="inference",
        size_hw=size_hw,
        workloads={32: workload_of_graph(model, pixels=traced[0] * traced[1]).scaled(factor)},
        runtimes=tuple(kind.name for kind in installed),
        precisions=("fp32", "bf16") if info.precision == "bf16" else (info.precision,),
        answer_bytes=answer_bytes,
    )


def _without_rounding(content: bytes) -> bytes:
    """A quantised model without its rounding nodes: rounding is part of the layers, not separate work."""
    from onnx import ModelProto, numpy_helper

    model = ModelProto.FromString(content)
    nodes = model.graph.node
    arrays = {array.name: array for array in model.graph.initializer}
    before = {node.output[0]: node.input[0] for node in nodes if node.op_type == "QuantizeLinear"}
    instead: dict[str, str] = {}
    for node in nodes:
        if node.op_type != "DequantizeLinear":
            continue
        source = node.input[0]
        if source in arrays:  # of weights the shape is enough
            zeros = np.zeros(tuple(arrays[source].dims), np.float32)
            arrays[source].CopyFrom(numpy_helper.from_array(zeros, source))
        instead[node.output[0]] = before.get(source, source)
    kept = [node for node in nodes if node.op_type not in ("QuantizeLinear", "DequantizeLinear")]
    for node in kept:
        node.input[:] = [instead.get(name, name) for name in node.input]
    del nodes[:]
    nodes.extend(kept)
    return model.SerializeToString()


def workload_of_graph(model: Any, *, pixels: int) -> Workload:
    """The work of an OpenVINO model with known shapes.

    Args:
        model: after `reshape`.
        pixels: of its input.
    """
    layers: list[Layer] = []
    sizes, last_use = {}, {}
    places: dict[str, int] = {}  # of the layer that an operator's result comes from
    operators = model.get_ordered_ops()
    for place, operator in enumerate(operators):
        for source in operator.input_values():
            last_use[source.get_node().get_friendly_name()] = place
    weights = live = peak = 0.0
    fixed: set[str] = set()  # made of constants alone, when the model is loaded
    ends: dict[int, list[str]] = {}
    for name, place in last_use.items():
        ends.setdefault(place, []).append(name)
    for place, operator in enumerate(operators):
        kind, written = operator.get_type_name(), sum(map(_bytes, operator.outputs()))
        name = operator.get_friendly_name()
        sources = [source.get_node().get_friendly_name() for source in operator.input_values()]
        if kind != "Parameter" and fixed.issuperset(sources):
            fixed.add(name)
            weights += written - sum(map(_bytes, operator.input_values()))
        elif written > 0:
            sizes[name] = written
            live += written
            peak = max(peak, live)
            before = [places.get(source.get_node().get_friendly_name(), -1) for source in operator.input_values()]
            if (layer := _layer(operator, written)) is not None:
                places[name] = len(layers)
                layers.append(replace(layer, inputs=tuple(place for place in dict.fromkeys(before) if place >= 0)))
            elif before:
                places[name] = before[0]  # another shape of the same maps
        live -= sum(sizes.pop(name, 0.0) for name in ends.get(place, ()))
    return Workload(pixels=pixels, layers=tuple(layers), live_bytes=peak, weight_bytes=weights)


def _layer(operator: Any, written: float) -> Layer | None:
    type_name = operator.get_type_name()
    if type_name in _SHAPES_ALONE or written < 4 * _LEAST_ELEMENTS:
        return None
    sources, result = operator.input_values(), _elements(operator.output(0))
    read, weights = _bytes(sources[0]), 0.0
    if type_name in ("Convolution", "GroupConvolution"):
        shape = [int(side) for side in sources[1].get_shape()]
        groups = shape.pop(0) if type_name == "GroupConvolution" else 1
        kind, per_element, weights = _kind_of(shape, groups), 2 * math.prod(shape[1:]), _bytes(sources[1])
        title = convolution_name(shape[2:], shape[1] * groups, shape[0] * groups)
    else:
        kind, per_element = _OPERATORS.get(type_name, ("copy", 0))
        title = type_name.lower()
        whole = [_bytes(source) for source in sources if _elements(source) == result]
        read = sum(whole) or read
        if type_name in _PARTS:
            if written >= read:
                return None  # all of the map: padding was not needed, and nothing is cut
            read = written
        if kind == "arithmetic" and len(whole) < 2:
            kind = "activation"  # a bias or a scale per channel is fused into the convolution before
    return Layer(
        kind=kind,
        operations=per_element * result,
        read=read,
        written=written,
        weights=weights,
        fresh=written,
        name=title,
    )


def _kind_of(kernel: Sequence[int], groups: int) -> Kind:
    """The kind of a convolution, from (outputs, inputs, height, width) of one group."""
    if groups > 1:
        return "depthwise" if kernel[1] == 1 else "grouped"
    if kernel[1] <= 4:
        return "stem"
    return "pointwise" if kernel[2] == kernel[3] == 1 else "dense"


def _traced_size(size_hw: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """The sides to trace, multiples of 32, and the ratio of the padded picture's pixels to theirs."""
    padded = [-(-side // 32) * 32 for side in size_hw]
    traced = [min(side, MOST_TRACED) for side in padded]
    return (traced[0], traced[1]), math.prod(padded) / math.prod(traced)


def _elements(value: Any) -> int:
    shape = value.get_partial_shape()
    return math.prod(shape.to_shape()) if shape.is_static else 0


def _bytes(value: Any) -> float:
    return _elements(value) * value.get_element_type().size
