"""Examine an exported model, one ONNX file, before a runtime reads it.

In:  a `.onnx` file that `smalta export` wrote, or one from an unknown source.
Out: its content, and the description of the model.

The whole model must be in the one file. Every array must be as long as its stated shape. The graph must consist of
standard operators without subgraphs. No part of it runs as code.

Must not know: runtimes, decoding, how models are exported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import AttributeProto, ModelProto, TensorProto, ValueInfoProto

from smalta.description.model_info import ModelInfo
from smalta.errors import ConfigError, ModelError, SmaltaError
from smalta.system.records import parse_json

METADATA_KEY = "smalta"
INPUT = "pictures"
LARGEST_FILE = 2**31 - 1  # bytes; the limit of one ONNX file
# bytes per element, by type of number that an exported model may hold
ELEMENT_BYTES = {
    TensorProto.FLOAT: 4,
    TensorProto.DOUBLE: 8,
    TensorProto.FLOAT16: 2,
    TensorProto.BFLOAT16: 2,
    TensorProto.BOOL: 1,
    TensorProto.INT8: 1,
    TensorProto.UINT8: 1,
    TensorProto.INT32: 4,
    TensorProto.INT64: 8,
}


def read_onnx(path: Path) -> tuple[bytes, ModelInfo]:
    """Read and examine a file that `smalta export` wrote; returns its content and description.

    Raises:
        ModelError: if the file is missing, damaged, unsafe, not written by smalta, or newer than this program.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; name a file that `smalta export --out` wrote")
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise ModelError(f"{path} has {size:,} bytes; a model in one ONNX file has at most {LARGEST_FILE:,}")
    try:
        content = path.read_bytes()
        return content, examine(content)
    except (SmaltaError, OSError) as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def examine(content: bytes) -> ModelInfo:
    """Examine the content of a file; returns the description of its model.

    Raises:
        SmaltaError: if it is damaged, unsafe or not written by smalta; the message calls the file "it".
    """
    try:
        model = ModelProto.FromString(content)
        info = _description(model)
        _check_operators(model)
        for tensor in _tensors(model):
            _check_tensor(tensor)
        _check_door(model, info)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelError("it is not an ONNX file, or it is damaged; export it again") from error
    return info


def _description(model: ModelProto) -> ModelInfo:
    stated = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in stated:
        raise ModelError("it lacks the description of its classes; write it with `smalta export`")
    try:
        values = parse_json(stated[METADATA_KEY])
    except ConfigError as error:
        raise ModelError("its description is damaged; export it again") from error
    return ModelInfo.from_dict(values)


def _check_operators(model: ModelProto) -> None:
    if model.functions or model.training_info or model.graph.sparse_initializer:
        raise ModelError("it holds functions, training or sparse arrays, which are refused; export it again")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise ModelError(f"its operator {node.op_type!r} is not in the ONNX standard; export it again")
        for attribute in node.attribute:
            if attribute.type not in (
                AttributeProto.FLOAT,
                AttributeProto.INT,
                AttributeProto.STRING,
                AttributeProto.TENSOR,
                AttributeProto.FLOATS,
                AttributeProto.INTS,
                AttributeProto.STRINGS,
            ):
                raise ModelError(f"its operator {node.op_type!r} has attributes that are refused; export it again")


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _check_tensor(tensor: TensorProto) -> None:
    """Refuse arrays in other files and arrays of another length than stated, before they are allocated."""
    name = tensor.name[:60]
    if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
        raise ModelError(f"its array {name!r} is in another file, which is refused; export it again into one file")
    width = ELEMENT_BYTES.get(tensor.data_type)  # type: ignore[call-overload]
    if width is None:
        raise ModelError(f"its array {name!r} does not hold plain numbers; export it again")
    shown = " x ".join(map(str, tensor.dims[:8]))
    if len(tensor.dims) > 8 or any(side < 0 for side in tensor.dims):
        raise ModelError(f"its array {name!r} has the impossible shape {shown}; export it again")
    size = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data) / width
    else:
        held = sum(map(len, (tensor.float_data, tensor.double_data, tensor.int32_data, tensor.int64_data)))
    if held != size:
        raise ModelError(f"its array {name!r} has the shape {shown} and holds {held:g} numbers; export it again")


def _check_door(model: ModelProto, info: ModelInfo) -> None:
    """Refuse inputs and outputs other than those of an exported model with these classes."""
    inputs = [(entry.name, *_kind(entry)) for entry in model.graph.input]
    outputs = [(entry.name, *_kind(entry)) for entry in model.graph.output]
    wanted_outputs = [(name, TensorProto.FLOAT, [None, size, None, None]) for name, size in info.outputs.items()]
    if inputs != [(INPUT, TensorProto.UINT8, [None, None, None, 3])] or outputs != wanted_outputs:
        raise ModelError("its inputs and outputs do not fit its classes; export it again")


def _kind(entry: ValueInfoProto) -> tuple[int, list[int | None]]:
    """The type of number and the sides; None where a side is free."""
    tensor = entry.type.tensor_type
    return tensor.elem_type, [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
