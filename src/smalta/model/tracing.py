"""Find the workload of a network without running it: PyTorch's fake tensors have shapes and types, and no numbers.

In:  a network's configuration, size and number of pictures, precision, whether gradients are computed.
Out: `Workload`.

The trace covers the whole pass: what autocast converts, what gradients keep alive, which convolutions the depthwise
gradients consist of, what is folded. Nothing of the picture's size is allocated or computed, so a picture of any size
takes the same second.

Must not know: machines, seconds, plans.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from smalta.answers.fields import HEADS, SEMANTIC
from smalta.description.model_info import MOST_AT_FULL_SIZE
from smalta.description.network_config import NetworkConfig
from smalta.description.workload import Kind, Layer, Workload, convolution_name
from smalta.model.entropy import entropy_sum
from smalta.model.folding import folded
from smalta.model.network import Network, mixing_weights

NEWTON_SCHULZ_ROUNDS = 5  # of the optimiser, in each step and for each matrix
# bytes per weight that a step moves: the gradient's norm and cut (12), the optimiser (28), the averaged weights (12)
UPDATE_BYTES = 52
LARGEST_KERNEL = 7
# bytes per weight that training holds: the weight, its gradient, two averages of the optimiser, the averaged weight
TRAINING_WEIGHT_BYTES = 20

_KINDS: Mapping[str, tuple[Kind, int]] = {  # operations per element written beside the kind
    "native_batch_norm": ("norm", 4),
    "cudnn_batch_norm": ("norm", 4),
    "native_layer_norm": ("norm", 8),
    "native_group_norm": ("norm", 8),
    "relu": ("activation", 1),
    "hardtanh": ("activation", 2),
    "threshold": ("activation", 1),
    "hardswish": ("activation", 4),
    "hardsigmoid": ("activation", 3),
    "silu": ("activation", 6),
    "gelu": ("activation", 8),
    "sigmoid": ("activation", 5),
    "elu": ("activation", 6),
    "leaky_relu": ("activation", 2),
    "upsample_bilinear2d": ("resize", 8),
    "upsample_nearest2d": ("resize", 1),
    "max_pool2d_with_indices": ("pool", 9),
    "avg_pool2d": ("pool", 4),
    "mean": ("pool", 1),
    "_adaptive_avg_pool2d": ("pool", 1),
    "_softmax": ("softmax", 8),
    "_log_softmax": ("softmax", 8),
    "nll_loss2d_forward": ("softmax", 1),
    "add": ("arithmetic", 1),
    "sub": ("arithmetic", 1),
    "mul": ("arithmetic", 1),
    "div": ("arithmetic", 1),
    "sum": ("arithmetic", 1),
    "_to_copy": ("copy", 0),
    "clone": ("copy", 0),
    "pixel_shuffle": ("copy", 0),
    "pixel_unshuffle": ("copy", 0),
    "copy": ("copy", 0),
    "cat": ("copy", 0),
    "constant_pad_nd": ("copy", 0),
    "zeros": ("copy", 0),
    "zeros_like": ("copy", 0),
    "new_zeros": ("copy", 0),
}
_FREE = {
    "alias", "as_strided", "chunk", "detach", "device", "empty", "empty_like", "expand", "lift_fresh",
    "new_empty_strided", "permute", "select", "slice", "split", "split_with_sizes", "squeeze", "t", "transpose",
    "unsqueeze", "view", "_unsafe_view",
}  # fmt: skip


@lru_cache(maxsize=32)
def trace(
    config: NetworkConfig,
    size_hw: tuple[int, int],
    *,
    batch: int = 1,
    bf16: bool = False,
    training: bool = False,
    fine_kept: bool = False,
) -> Workload:
    """The workload of one pass or one training step.

    Args:
        config: of the network.
        size_hw: of the pictures in pixels; it is rounded up to multiples of 32, as the runtime pads.
        batch: pictures per pass.
        bf16: whether autocast multiplies in bf16.
        training: forward, loss, backward and the step of the optimiser, instead of logits, resize and softmax.
        fine_kept: whether the encoder's fine layers are frozen.

    Raises:
        ModelError: if there is no such encoder.
    """
    height, width = (-(-side // 32) * 32 for side in size_hw)
    with torch.random.fork_rng(devices=[]):
        network = Network(config).train(training)
        weights = sum(parameter.numel() for parameter in network.parameters())
        if fine_kept:
            network.encoder.keep_fine_layers()
            network.encoder.fold_fine_layers()
        if not training:
            network = folded(network)
    mode = FakeTensorMode()
    tensors = {name: _fake(mode, tensor) for name, tensor in (*network.named_parameters(), *network.named_buffers())}
    with mode:
        pictures = torch.empty(batch, 3, height, width, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
        recorder = _Recorder(tensors.values(), batch)
        with recorder, torch.set_grad_enabled(training), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = torch.func.functional_call(network, tensors, (pictures,))
        with recorder, torch.set_grad_enabled(training):
            if training:
                torch.autograd.backward(_loss(logits, (height, width)))
            else:
                _answer(logits, config.stride)
    layers = recorder.layers
    if training:
        layers.append(Layer(kind="update", weights=UPDATE_BYTES * weights, operations=20 * weights, once=True))
        layers.append(_orthogonalisation(network))
    return Workload(
        pixels=batch * height * width,
        layers=tuple(layers),
        live_bytes=recorder.peak,
        weight_bytes=weights * (TRAINING_WEIGHT_BYTES if training else 4),
        training=training,
    )


def _orthogonalisation(network: Network) -> Layer:
    """What the optimiser multiplies: two products with each matrix; four of its square a round, two in the last."""
    matrices = [parameter.flatten(1) for parameter in mixing_weights(network).values()]
    squares = 4 * NEWTON_SCHULZ_ROUNDS - 2
    return Layer(
        kind="pointwise",
        backward=True,
        operations=sum(2 * min(m.shape) ** 2 * (2 * max(m.shape) + squares * min(m.shape)) for m in matrices),
        weights=2 * sum(_bytes(m) for m in matrices),
        once=True,
        name="orthogonalisation",
    )


def _fake(mode: FakeTensorMode, tensor: Tensor) -> Tensor:
    return mode.from_tensor(tensor.detach()).requires_grad_(tensor.requires_grad)


def _loss(logits: Mapping[str, Tensor], size_hw: tuple[int, int]) -> Tensor:
    """A loss of the usual cost: cross-entropy of the leaves as in `smalta.training.losses`, squares of other values."""
    total = torch.zeros(())
    for name, values in logits.items():
        values = values.float()
        if name == SEMANTIC:
            shares = torch.softmax(values, 1)
            total = total + (shares * shares).sum()  # for the Dice term, at the stride
            labels_hw = size_hw if values.shape[1] <= MOST_AT_FULL_SIZE else values.shape[2:]
            labels = torch.empty(values.shape[0], *labels_hw, dtype=torch.int64)
            total = total + entropy_sum(values, labels, torch.ones(values.shape[1]))
        else:
            total = total + (values * values).sum()
    return total


def _answer(logits: Mapping[str, Tensor], stride: int) -> list[Tensor]:
    """What the runtime does after the network."""
    with_softmax = {head.name for head in HEADS if head.activation == "softmax"}
    answers = []
    for name, values in logits.items():
        values = values.float().contiguous()
        if stride > 1:
            values = F.interpolate(values, scale_factor=float(stride), mode="bilinear", align_corners=False)
        answers.append(torch.softmax(values, 1) if name in with_softmax else values)
    return answers


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Turns every operation into a layer, and follows which memory is alive."""

    def __init__(self, known: Iterable[Tensor], batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[Layer] = []
        self._batch = batch
        self.peak = self._alive = 0
        self._writers: dict[int, int] = {}  # place of the layer that wrote a storage last
        self._storages = {tensor.untyped_storage()._cdata for tensor in known}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        fresh = sum(self._follow(tensor) for tensor in _tensors((result,)))
        name = func._schema.name.removeprefix("aten::")
        if not name.startswith("prim::") and (layer := self._layer(name, (args, kwargs or {}), result, fresh)):
            self._append(layer, _tensors((args, kwargs or {})), _tensors((result,)))
        return result

    def _append(self, layer: Layer, inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> None:
        """Note a layer, whose maps it reads, and which it writes."""
        read = dict.fromkeys(self._writers.get(tensor.untyped_storage()._cdata, -1) for tensor in inputs)
        self._writers |= {tensor.untyped_storage()._cdata: len(self.layers) for tensor in outputs}
        self.layers.append(replace(layer, inputs=tuple(place for place in read if place >= 0)))

    def _follow(self, tensor: Tensor) -> int:
        """Bytes that the tensor adds to the live maps; gradients of weights count as weights."""
        if not self._grows(tensor):
            return 0
        storage = tensor.untyped_storage()
        key, size = storage._cdata, int(storage.nbytes())
        if key in self._storages:
            return 0
        self._storages.add(key)
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._release, key, size)
        return size

    def _release(self, key: int, size: int) -> None:
        self._storages.discard(key)
        self._writers.pop(key, None)
        self._alive -= size

    def _layer(self, name: str, given: Any, result: Any, fresh: int) -> Layer | None:
        base = name if name.startswith("_") else name.rstrip("_")
        if base in _FREE:
            return None
        inputs, outputs = _tensors(given), _tensors((result,))
        if base == "convolution":
            return _convolution(given[0], outputs[0], fresh, transposed=bool(given[0][6]), groups=int(given[0][8]))
        if base == "mkldnn::_convolution_pointwise":  # of `smalta.model.folding`
            return _convolution(given[0], outputs[0], fresh, transposed=False, groups=int(given[0][6]))
        if base == "convolution_backward":
            return _convolution_backward(given[0], outputs, fresh)
        kind, per_element = _KINDS.get(base.removesuffix("_backward"), ("arithmetic", 1))
        if kind in ("norm", "pool"):
            outputs = outputs[:1]  # the others are a few numbers per channel
        maps = [tensor for tensor in (*inputs, *outputs) if self._grows(tensor)]
        written = sum(_bytes(tensor) for tensor in outputs if self._grows(tensor))
        moved = sum(map(_bytes, maps))
        return Layer(
            kind=kind,
            backward=base.endswith("_backward"),
            operations=per_element * max((tensor.numel() for tensor in maps), default=0),
            read=moved - written,
            written=written,
            weights=sum(map(_bytes, (*inputs, *outputs))) - moved,
            fresh=fresh if written else 0,
            bits=_bits(outputs),
            name=base.strip("_").removesuffix("_backward").replace("_", " "),
        )

    def _grows(self, tensor: Tensor) -> bool:
        """Whether a tensor grows with the picture: its first axis is the batch, or it is larger than a kernel."""
        return tensor.dim() >= 3 and (tensor.shape[0] == self._batch or max(tensor.shape[-2:]) > LARGEST_KERNEL)


def _convolution(args: Sequence[Any], output: Tensor, fresh: int, *, transposed: bool, groups: int) -> Layer:
    maps, weight = args[0], args[1]
    kernel = math.prod(weight.shape[1:])  # inputs of one output, or outputs of one input
    return Layer(
        kind=_kind_of(weight, groups),
        operations=2 * kernel * (maps if transposed else output).numel(),
        read=_bytes(maps),
        written=_bytes(output),
        weights=_bytes(weight),
        fresh=fresh,
        bits=_bits([output]),
        name=_name_of(weight, groups, transposed=transposed),
    )


def _convolution_backward(args: Sequence[Any], outputs: Sequence[Tensor], fresh: int) -> Layer:
    gradient, maps, weight, transposed, groups = args[0], args[1], args[2], bool(args[7]), int(args[9])
    wanted = list(args[10])[:2]  # gradients of the maps, of the weights
    kernel = math.prod(weight.shape[1:])
    return Layer(
        kind=_kind_of(weight, groups),
        backward=True,
        operations=2 * kernel * (maps if transposed else gradient).numel() * sum(wanted),
        read=_bytes(gradient) * sum(wanted) + (_bytes(maps) if wanted[1] else 0),
        written=_bytes(maps) if wanted[0] else 0,
        weights=_bytes(weight) * sum(wanted),
        fresh=fresh,
        bits=_bits(outputs),
        name=_name_of(weight, groups, transposed=transposed),
    )


def _kind_of(weight: Tensor, groups: int) -> Kind:
    if groups == weight.shape[0] and groups > 1:
        return "depthwise"
    if groups > 1:
        return "grouped"
    if weight.shape[1] <= 4:
        return "stem"
    return "pointwise" if weight.shape[2] == weight.shape[3] == 1 else "dense"


def _name_of(weight: Tensor, groups: int, *, transposed: bool) -> str:
    """The sides of the kernel, and the channels before and after it."""
    after, before = (
        (weight.shape[1] * groups, weight.shape[0]) if transposed else (weight.shape[0], weight.shape[1] * groups)
    )
    return convolution_name(weight.shape[2:], before, after)


def _tensors(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = values.values()
    elif not isinstance(values, list | tuple):
        return []
    return [tensor for value in values for tensor in _tensors(value)]


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _bits(tensors: Sequence[Tensor]) -> int:
    return min((8 * t.element_size() for t in tensors if t.is_floating_point()), default=32)
