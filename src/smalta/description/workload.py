"""The work of one pass of a network, layer by layer: operations, bytes moved, memory held. Plain numbers.

In:  layers.
Out: `Layer`, `Workload`.

Must not know: PyTorch, how layers were found, how fast a machine is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "dense",  # convolution over an area, all channels
    "pointwise",  # convolution 1x1
    "depthwise",  # one filter per channel
    "grouped",  # convolution in groups of channels
    "stem",  # convolution of a picture's few channels
    "norm",
    "activation",
    "resize",
    "pool",
    "softmax",
    "arithmetic",  # sums and products of maps
    "copy",  # casts, padding, joining
    "update",  # of the weights
]
CONVOLUTIONS: tuple[Kind, ...] = ("dense", "pointwise", "depthwise", "grouped", "stem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operation of a pass.

    Attributes:
        kind: what it does.
        backward: whether it belongs to the gradients.
        operations: multiplications and additions.
        read: bytes of maps that go in.
        written: bytes of maps that come out.
        weights: bytes of weights, whose number does not grow with the picture.
        fresh: bytes of `written` that are newly allocated; 0 if it works in place.
        bits: of the numbers that are multiplied: 32, 16 or 8.
        once: whether it runs once per step, whatever the number of pixels.
        name: what distinguishes it from others of its kind, such as "3x3, 32 to 64" or "add"; may be empty.
        inputs: places of the layers in the same pass whose maps it reads; the pass's own input has no place.
    """

    kind: Kind
    backward: bool = False
    operations: float = 0
    read: float = 0
    written: float = 0
    weights: float = 0
    fresh: float = 0
    bits: int = 32
    once: bool = False
    name: str = ""
    inputs: tuple[int, ...] = ()

    @property
    def moved(self) -> float:
        """Bytes read and written."""
        return self.read + self.written + self.weights

    def scaled(self, factor: float) -> Layer:
        """The layer for `factor` times as many pixels."""
        if self.once:
            return self
        return replace(
            self,
            operations=self.operations * factor,
            read=self.read * factor,
            written=self.written * factor,
            fresh=self.fresh * factor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One pass, or one training step.

    Attributes:
        pixels: of the input, over the whole batch.
        layers: in the order in which they run.
        live_bytes: peak of the maps and gradients that are alive at once, without weights.
        weight_bytes: weights, and in training their gradients, averages and the optimiser's state.
        training: whether it includes gradients.
    """

    pixels: int
    layers: tuple[Layer, ...]
    live_bytes: float
    weight_bytes: float
    training: bool = False

    @property
    def operations(self) -> float:
        """Multiplications and additions."""
        return sum(layer.operations for layer in self.layers)

    @property
    def moved(self) -> float:
        """Bytes that all layers together read and write."""
        return sum(layer.moved for layer in self.layers)

    @property
    def reused_bytes(self) -> float:
        """Bytes that a pass uses more than once.

        Maps and gradients are written once and read at least once. Weights are read once in a pass that answers. A
        training step uses each weight and its gradient again: forward, backward, and in the update.
        """
        if not self.training:
            return self.live_bytes
        weights = sum(layer.weights for layer in self.layers if not layer.backward and not layer.once)
        return self.live_bytes + 2 * weights

    @property
    def operations_by_kind(self) -> Mapping[str, float]:
        """Operations of each kind of layer."""
        found: dict[str, float] = {}
        for layer in self.layers:
            found[layer.kind] = found.get(layer.kind, 0.0) + layer.operations
        return found

    def scaled(self, factor: float) -> Workload:
        """The workload for `factor` times as many pixels: larger pictures, or more of them in a batch."""
        return replace(
            self,
            pixels=round(self.pixels * factor),
            layers=tuple(layer.scaled(factor) for layer in self.layers),
            live_bytes=self.live_bytes * factor,
        )


def convolution_name(kernel: Sequence[int], before: int, after: int) -> str:
    """Name a convolution by its kernel's sides and its channels.

    Example:
        >>> convolution_name((3, 3), 32, 64)
        '3x3, 32 to 64'
    """
    return f"{'x'.join(map(str, kernel))}, {before} to {after}"
