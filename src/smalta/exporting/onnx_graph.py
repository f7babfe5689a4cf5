"""Trace a network, with its preprocessing and postprocessing, as one ONNX graph.

In:  a network and its description.
Out: the graph in float32, which takes pictures and gives the outputs that `ModelInfo.outputs` lists; a file's content.

The module uses PyTorch's older, tracing exporter. That needs no further package, folds batch normalisation, and takes
seconds; the newer one takes a minute.

Must not know: whether the graph answers as the network does, precisions, files.
"""

from __future__ import annotations

import copy
import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalta.answers.fields import heads_of
from smalta.classes import Attribute
from smalta.description.model_info import ModelInfo
from smalta.errors import ModelError
from smalta.model.network import Network
from smalta.model.torch_runtime import MULTIPLE
from smalta.runtimes.onnx_file import INPUT, METADATA_KEY

OPSET = 17


def trace(network: Network, info: ModelInfo) -> onnx.ModelProto:
    """The graph of a network.

    Args:
        network: in any memory layout, on any device; it is not changed.
        info: its description.

    Raises:
        ModelError: if PyTorch cannot export the network.
    """
    plain = copy.deepcopy(network).cpu().to(memory_format=torch.contiguous_format).eval()
    _replace_same_convolutions(plain)
    called = _noting_convolutions(plain)
    example = torch.zeros(2, MULTIPLE * 2 + 6, MULTIPLE * 3 - 6, 3, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # it warns that it traces and that it is the older exporter; both are intended
        path = Path(folder) / "model.onnx"
        try:
            torch.onnx.export(
                _Graph(plain, info.tree.attributes),
                (example,),
                str(path),
                dynamo=False,
                input_names=[INPUT],
                output_names=list(info.outputs),
                dynamic_axes=_axes(info),
                opset_version=OPSET,
            )
        except Exception as error:  # an encoder may use any operation, and the exporter's errors share no base class
            raise ModelError(
                f"encoder {info.network.encoder!r} cannot be exported: {' '.join(str(error).split())[:300]}; "
                "use the run's folder instead"
            ) from error
        model = onnx.load(path, load_external_data=False)
    for entry, size in zip(model.graph.output, info.outputs.values(), strict=True):
        entry.type.tensor_type.shape.dim[1].dim_value = size  # the exporter leaves a slice's number of channels open
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    for node, module in zip(convolutions, called, strict=True):
        node.name = module  # `smalta.runtimes.onnx_weights` finds the weights by it
    return model


def with_description(model: onnx.ModelProto, info: ModelInfo) -> bytes:
    """The content of a file that holds a graph and its description; the graph is not changed."""
    described = onnx.ModelProto()
    described.CopyFrom(model)
    entry = described.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(info.to_dict())
    return cast(bytes, described.SerializeToString())


def _noting_convolutions(network: nn.Module) -> list[str]:
    """A list that gets the paths of the network's convolutions, in the order in which a pass calls them."""
    called: list[str] = []
    for path, module in network.named_modules():
        inside = path.endswith(".layer")  # of a `_SameConvolution`, which only reads its weights
        if isinstance(module, _SameConvolution) or (isinstance(module, nn.Conv2d) and not inside):
            module.register_forward_hook(lambda *_, path=path: called.append(path))
    return called


def _axes(info: ModelInfo) -> dict[str, dict[int, str]]:
    """Names of the dynamic axes, by input and output."""
    free = {name: {0: "B", 2: "h", 3: "w"} for name in info.outputs}
    for head in heads_of(info.network):
        if head.full_size:
            free |= {name: {0: "B", 2: "H", 3: "W"} for name in head.fields(info.tree.attributes)}
    return {INPUT: {0: "B", 1: "H", 2: "W"}} | free


class _Graph(nn.Module):
    """The network and what `TorchRuntime` does before and after it, as one traceable module."""

    def __init__(self, network: Network, attributes: Sequence[Attribute]) -> None:
        super().__init__()
        self.network = network
        self.attributes = attributes
        self.stride = network.config.stride

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 -> the outputs of `ModelInfo.outputs`, in that order."""
        height, width = pictures.shape[1], pictures.shape[2]
        planes = pictures.permute(0, 3, 1, 2).float()
        padded = F.pad(planes, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        answers = self.network(padded)
        cells = (..., slice((height + self.stride - 1) // self.stride), slice((width + self.stride - 1) // self.stride))
        fields: list[Tensor] = []
        maps: list[Tensor] = []  # only those that are not fields
        for head in heads_of(self.network.config):
            values = torch.sigmoid(answers[head.name]) if head.activation == "sigmoid" else answers[head.name]
            placed = self._full_size(values)[:, :, :height, :width] if head.full_size else values[cells]
            for channels in head.fields(self.attributes).values():
                field = placed[:, channels] if head.per_attribute else placed
                fields.append(torch.softmax(field, dim=1) if head.activation == "softmax" else field)
            if head.map_name is not None:
                maps.append(values)
        return (*fields, *maps)

    def _full_size(self, values: Tensor) -> Tensor:
        if self.stride == 1:
            return values
        return F.interpolate(values, scale_factor=float(self.stride), mode="bilinear", align_corners=False)


class _SameConvolution(nn.Module):
    """A convolution that pads as TensorFlow does; its padding is constant, as all sides are multiples of the stride."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        spans = zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
        totals = [max((kernel - 1) * dilation + 1 - stride, 0) for kernel, stride, dilation in spans]
        begins = [total // 2 for total in totals]
        self.pads = (*begins, *(total - begin for total, begin in zip(totals, begins, strict=True)))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        layer = self.layer
        settings = (self.pads, layer.stride, layer.dilation, layer.groups)
        return cast(Tensor, _LopsidedConvolution.apply(maps, layer.weight, layer.bias, *settings))


class _LopsidedConvolution(torch.autograd.Function):
    """A convolution with its own padding on each edge: one operator in ONNX, two in PyTorch."""

    @staticmethod
    def forward(
        ctx: Any,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        pads: Sequence[int],
        stride: tuple[int, int],
        dilation: tuple[int, int],
        groups: int,
    ) -> Tensor:
        """Pad (top, left, bottom, right), then convolve."""
        top, left, bottom, right = pads
        return F.conv2d(F.pad(maps, (left, right, top, bottom)), weight, bias, stride, 0, dilation, groups)

    @staticmethod
    def symbolic(g: Any, maps: Any, weight: Any, bias: Any, pads: Any, stride: Any, dilation: Any, groups: int) -> Any:
        """The same as an ONNX operator; each name ends in the value's type, as the exporter requires."""
        inputs = (maps, weight) if bias is None else (maps, weight, bias)
        settings = {"pads_i": pads, "strides_i": stride, "dilations_i": dilation, "group_i": groups}
        return g.op("Conv", *inputs, kernel_shape_i=weight.type().sizes()[2:], **settings)


def _replace_same_convolutions(module: nn.Module) -> None:
    """Replace "same" convolutions: they compute their padding from the picture's size, but here it is constant."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and (getattr(child, "same", False) or type(child).__name__ == "Conv2dSame"):
            setattr(module, name, _SameConvolution(child))
        else:
            _replace_same_convolutions(child)
