"""The configuration of a network: its encoder, its size, and how many channels each head has.

In:  those, or the plain data of a model file.
Out: `NetworkConfig`.

Must not know: PyTorch, numpy, so that the command line can import the defaults quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from smalta.answers.fields import HeadConfig
from smalta.errors import ConfigError
from smalta.system.records import read_record

if TYPE_CHECKING:
    from smalta.classes import ClassTree

DEFAULT_ENCODER = "tf_efficientnet_lite0"
DEFAULT_STRIDE = 4  # pixels
DEFAULT_WIDTH = 96  # channels


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig(HeadConfig):
    """The configuration of a network; `HeadConfig` adds its heads.

    Attributes:
        encoder: a timm name, or "plain".
        stride: side of the picture divided by side of the logits: 4, 2 or 1.
        width: channels of the decoder at stride 4.
    """

    encoder: str = DEFAULT_ENCODER
    stride: int = DEFAULT_STRIDE
    width: int = DEFAULT_WIDTH

    def __post_init__(self) -> None:
        if self.stride not in (1, 2, 4):
            raise ConfigError(f"stride must be 1, 2 or 4, got {self.stride}")
        if not 12 <= self.width <= 1024 or self.width % 12:
            raise ConfigError(f"width must be a multiple of 12 in 12..1024, got {self.width}")
        HeadConfig.__post_init__(self)  # super() without arguments fails in a dataclass with slots

    @classmethod
    def for_tree(cls, tree: ClassTree, **settings: Any) -> Self:
        """The configuration whose heads answer for a class tree."""
        n_values = tree.attributes[-1].stop if tree.attributes else 0
        return cls(n_leaves=tree.n_leaves, n_attribute_values=n_values, **settings)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ConfigError: if a key is unknown or missing, or a value is not allowed.
        """
        return read_record(cls, values, what="the network configuration", fix="train or export the model again")

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return asdict(self)
