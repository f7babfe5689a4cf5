"""The settings of a training run.

In:  options from the user, or the plain data of RUN/settings.json.
Out: `TrainSettings`, with the defaults that the command line shows too.

Must not know: PyTorch, numpy, so that the command line can import the defaults quickly; the decisions that follow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from smalta.description.kinds import KINDS, Kind
from smalta.description.network_config import DEFAULT_ENCODER, DEFAULT_STRIDE, DEFAULT_WIDTH, NetworkConfig
from smalta.errors import ConfigError
from smalta.runtimes.registry import AUTO, WantedDevice
from smalta.system.records import read_record

Augment = Literal["usual", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """The settings of a training run; with None smalta decides.

    Attributes:
        kind: "binary", "semantic", "instance" or "panoptic"; "auto" follows from labels and classes.
        minutes: wall time of the whole run; or None.
        steps: training steps; or None. With minutes and steps, the run ends at whichever comes first.
        encoder: a timm name, or "plain".
        pretrained: whether the encoder starts from ImageNet weights.
        seed: of splits, order, crops and initial weights.
        device: "auto", "cpu" or "cuda".
        batch: pictures per step.
        memory_bytes: limit of the run's memory; None for the machine's memory.
        crop: side of the training crops in pixels, a multiple of 32.
        first_view: share of that side at the start of the run, after which it grows; 1 for crops of one size.
        augment: "usual" varies size, mirroring and colours of the crops; with "none" they are plain parts of the
            pictures, smaller at the start by `first_view`.
        stride: of the network's map.
        width: channels of the decoder at stride 4.
        learning_rate: the highest one.
        initial: the model that the network starts from: a run's folder, its `model.safetensors`, or an exported
            `.onnx` file. Encoder, width and stride follow it. None for ImageNet or random weights.

    Example:
        >>> TrainSettings(minutes=5).learning_rate
        0.006
    """

    kind: Kind | Literal["auto"] = "auto"
    minutes: float | None = None
    steps: int | None = None
    encoder: str = DEFAULT_ENCODER
    pretrained: bool = True
    seed: int = 0
    device: WantedDevice = AUTO
    batch: int | None = None
    memory_bytes: int | None = None
    crop: int | None = None
    first_view: float = 0.4
    augment: Augment = "usual"
    stride: int | None = None
    width: int = DEFAULT_WIDTH
    learning_rate: float = 6e-3
    initial: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("auto", *KINDS):
            raise ConfigError(f"kind must be one of auto, {', '.join(KINDS)}, got {self.kind!r}")
        if self.device not in get_args(WantedDevice):
            raise ConfigError(f"device must be 'auto', 'cpu' or 'cuda', got {self.device!r}")
        if self.device == "cuda":
            _check_cuda()
        if self.crop is not None and (self.crop < 32 or self.crop % 32):
            raise ConfigError(f"crop must be a multiple of 32 pixels, got {self.crop}")
        if not 0 < self.first_view <= 1:
            raise ConfigError(f"first view must be above 0 and at most 1, got {self.first_view}")
        if self.augment not in get_args(Augment):
            raise ConfigError(f"augment must be 'usual' or 'none', got {self.augment!r}")
        if self.batch is not None and self.batch < 1:
            raise ConfigError(f"batch must be at least 1, got {self.batch}")
        if self.memory_bytes is not None and self.memory_bytes < 1:
            raise ConfigError(f"memory must be above 0 bytes, got {self.memory_bytes}")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed must be in 0..2^63 - 1, got {self.seed}")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning rate must be above 0 and finite, got {self.learning_rate}")
        stride = DEFAULT_STRIDE if self.stride is None else self.stride
        NetworkConfig(n_leaves=2, stride=stride, width=self.width)  # checks stride and width

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ConfigError: if a key is unknown, or a value is not allowed.
        """
        return read_record(cls, values, what="the training settings", fix="correct the entry, or omit it")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data."""
        return asdict(self)


def _check_cuda() -> None:
    """Raise ConfigError if PyTorch finds no CUDA device."""
    import torch

    if not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but PyTorch finds no CUDA device here; use --device cpu")
