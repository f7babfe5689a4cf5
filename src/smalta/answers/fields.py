"""The heads of a network, each described once, and the names of their maps and fields.

In:  sizes of the heads (`HeadConfig`), attributes of a class tree.
Out: `HEADS`, `heads_of`.

All arrays are float32, for a batch of B pictures (H, W), by name. The *fields* are the dense answer for a picture:

- "semantic": (B, L, H, W) probabilities of the class tree's leaves; they sum to 1 over L.
- "attribute:NAME": (B, V, H, W) probabilities of an attribute's values; they sum to 1 over V.
- "center": (B, 1, h, w) in 0..1, high near the middle of objects, at the network's stride: h = ceil(H / stride).
- "offsets": (B, 2, h, w) pixels (dy, dx) from a cell to its object's centre.

The last two exist if the network has heads for objects. An exported model's outputs have the same names.

A runtime gives less: *maps* at the network's stride. `smalta.answers.upscaling` turns them into fields. (h, w) are at
least (ceil(H / stride), ceil(W / stride)).

- "logits": (B, L, h, w) of the leaves, before the softmax.
- "attribute_logits": (B, V, h, w) of the values of all attributes, one after the other, if there are any.
- "center" and "offsets", as above.

Network, runtimes, export, upscaling and the description of a model loop over `HEADS`. The loss of each head is in
`smalta.training.head_losses`.

Must not know: PyTorch, numpy, so that the command line can read defaults at once; how fields become answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from smalta.errors import ConfigError

if TYPE_CHECKING:
    from smalta.classes import Attribute

SEMANTIC, ATTRIBUTES, CENTER, OFFSETS = "semantic", "attributes", "center", "offsets"
LOGITS, VALUE_LOGITS = "logits", "attribute_logits"
OBJECTS = "objects"  # the branch of the heads for objects

Activation = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig:
    """Which heads a network has, and how many channels.

    Attributes:
        n_leaves: channels of the semantic head.
        n_attribute_values: channels of the attribute head, over all attributes.
        objects: whether there are heads for the centres of objects and for the offsets to them.
    """

    n_leaves: int
    n_attribute_values: int = 0
    objects: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.n_leaves <= 4096 or not 0 <= self.n_attribute_values <= 4096:
            raise ConfigError(f"a network has 2 to 4096 leaves and 0 to 4096 attribute values, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One question that a network answers for every cell.

    Attributes:
        name: of the network's raw answer, and of the field unless there is one per attribute.
        channels: of the raw answer; 0 if the network has no such head.
        map_name: of the map that a runtime gives; None if the map is the field, with the head's name.
        activation: "sigmoid" is part of the map. "softmax" comes after the resize, so the map holds logits.
        full_size: whether the field has the size of the picture; otherwise it stays at the stride.
        per_attribute: whether each attribute of the class tree has a field, with its own channels.
        branch: a 3x3 convolution that several heads share; None for a head directly on the decoder.
        bias: the initial answer of a head with a branch, whose weights start near 0.
        pixels: for answers in pixels, how many pixels a raw answer of 1 stands for; None for answers without a unit.
    """

    name: str
    channels: Callable[[HeadConfig], int]
    map_name: str | None = None
    activation: Activation = "none"
    full_size: bool = False
    per_attribute: bool = False
    branch: str | None = None
    bias: float = 0.0
    pixels: float | None = None

    def __post_init__(self) -> None:
        if self.activation == "softmax" and not self.full_size:
            raise ConfigError(f"head {self.name!r}: a softmax comes after the resize, so it needs full_size")
        if (self.full_size or self.per_attribute) == (self.map_name is None):
            raise ConfigError(
                f"head {self.name!r}: map_name must be set if the field is another array than the map, and only then"
            )

    @property
    def map(self) -> str:
        """Name of the map that a runtime gives."""
        return self.map_name or self.name

    @property
    def layer(self) -> str:
        """Name of the network's last layer for this head; heads of one branch are its channels, one after the other."""
        return self.name if self.branch is None else f"{self.branch}.1"

    def fields(self, attributes: Sequence[Attribute]) -> dict[str, slice]:
        """The map's channels of each field, by the field's name.

        Args:
            attributes: of the class tree.
        """
        if not self.per_attribute:
            return {self.name: slice(None)}
        return {attribute_field(a.name): slice(a.start, a.stop) for a in attributes}


HEADS: tuple[Head, ...] = (
    Head(
        name=SEMANTIC,
        channels=lambda config: config.n_leaves,
        map_name=LOGITS,
        activation="softmax",
        full_size=True,
    ),
    Head(
        name=ATTRIBUTES,
        channels=lambda config: config.n_attribute_values,
        map_name=VALUE_LOGITS,
        activation="softmax",
        full_size=True,
        per_attribute=True,
    ),
    # the initial centre map is almost 0 everywhere, so that the loss starts without a jump
    Head(name=CENTER, channels=lambda config: int(config.objects), activation="sigmoid", branch=OBJECTS, bias=-3.0),
    Head(name=OFFSETS, channels=lambda config: 2 * config.objects, branch=OBJECTS, pixels=16.0),
)


def heads_of(config: HeadConfig) -> tuple[Head, ...]:
    """The heads of a network, in the order of its answers."""
    return tuple(head for head in HEADS if head.channels(config))


def attribute_field(name: str) -> str:
    """Name of the field for an attribute; the prefix keeps it apart from all other names."""
    return f"attribute:{name}"
