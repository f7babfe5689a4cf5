"""What a training run is told, and what it decides for itself from the data and the machine.

In:  options of a person; a fingerprint; the plan for device, precision, layout and batch.
Out: `TrainSettings` (as told) and `Recipe` (as decided, with a reason for each line), both plain data in RUN.

Must not know: networks in action, batches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

import torch

from smalta.classes import ClassTree
from smalta.data.fingerprint import Fingerprint
from smalta.description.kinds import KINDS, OBJECT_KINDS, Kind
from smalta.description.network_config import DEFAULT_ENCODER, NetworkConfig
from smalta.errors import ConfigError
from smalta.plan.candidates import TRAINING_BATCH
from smalta.plan.plan import Plan
from smalta.runtimes.registry import Layout
from smalta.training.augment import UNCHANGED, AugmentConfig, smaller_view
from smalta.training.schedule import GROWN

Device = Literal["auto", "cpu", "cuda"]
Augment = Literal["usual", "none"]
USUAL_VIEW = 320  # pixels
FIRST_VIEW = 0.4  # of the views' side, at the start of a run
LEAST_VIEW = 96  # pixels, before rounding to 32; smaller ones show no more than three places of the coarsest map
PLANNED = ("device", "precision", "layout", "batch", "allocator", "time")  # lines of the plan that a training tells


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """What a person may say about a run; None lets smalta decide.

    Attributes:
        kind: "binary", "semantic", "instance" or "panoptic"; "auto" takes what labels and classes allow.
        minutes: wall time of the whole run; or None.
        steps: training steps; or None.
        encoder: a timm name, or "plain".
        pretrained: whether the encoder starts from ImageNet weights.
        seed: of splits, order, views and fresh weights.
        device: "auto", "cpu" or "cuda".
        batch: pictures per step.
        memory_bytes: that the run may take at most; None for what the machine has.
        crop: side of the training views in pixels, a multiple of 32.
        first_view: share of that side at the start of the run, from where it grows; 1 for views of one size.
        augment: "usual" varies size, sides and colours of the views; with "none" they are parts of the pictures,
            smaller at the start as `first_view` says.
        stride: of the network's map.
        width: channels of the decoder at stride 4.
        learning_rate: the highest one.
    """

    kind: Kind | Literal["auto"] = "auto"
    minutes: float | None = None
    steps: int | None = None
    encoder: str = DEFAULT_ENCODER
    pretrained: bool = True
    seed: int = 0
    device: Device = "auto"
    batch: int | None = None
    memory_bytes: int | None = None
    crop: int | None = None
    first_view: float = FIRST_VIEW
    augment: Augment = "usual"
    stride: int | None = None
    width: int = 96
    learning_rate: float = 6e-3

    def __post_init__(self) -> None:
        if self.kind not in ("auto", *KINDS):
            raise ConfigError(f"kind must be one of auto, {', '.join(KINDS)}, got {self.kind!r}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"device must be 'auto', 'cpu' or 'cuda', got {self.device!r}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("device is 'cuda', but PyTorch finds no CUDA device here; use --device cpu")
        if self.crop is not None and (self.crop < 32 or self.crop % 32):
            raise ConfigError(f"crop must be a multiple of 32 pixels, got {self.crop}")
        if not 0 < self.first_view <= 1:
            raise ConfigError(f"first view must be above 0 and at most 1, got {self.first_view}")
        if self.augment not in ("usual", "none"):
            raise ConfigError(f"augment must be 'usual' or 'none', got {self.augment!r}")
        if self.batch is not None and self.batch < 1:
            raise ConfigError(f"batch must be at least 1, got {self.batch}")
        if self.memory_bytes is not None and self.memory_bytes < 1:
            raise ConfigError(f"memory must be above 0 bytes, got {self.memory_bytes}")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed must be in 0..2^63 - 1, got {self.seed}")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning rate must be above 0 and finite, got {self.learning_rate}")
        stride = 4 if self.stride is None else self.stride
        NetworkConfig(n_leaves=2, stride=stride, width=self.width)  # refuses what no network can have

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON; a misspelt key is an error."""
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ConfigError(f"unknown training settings {unknown}; known settings are {sorted(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a run does.

    Attributes:
        kind: what the model answers.
        device: "cpu" or "cuda".
        bf16: whether the network computes in bf16.
        layout: of its maps in memory.
        batch: pictures per step.
        crop_hw: of the training views, pixels.
        first_view: share of their side at the start of the run.
        stride: of the network's map.
        cache_bytes: memory for decoded samples.
        ahead: batches made before they are asked for.
        augment: how far training views stray.
        reasons: why, by name of the decision.
    """

    kind: Kind
    device: Literal["cpu", "cuda"]
    bf16: bool
    layout: Layout
    batch: int
    crop_hw: tuple[int, int]
    first_view: float
    stride: int
    cache_bytes: int
    ahead: int
    augment: AugmentConfig
    reasons: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain data."""
        return asdict(self)


def kind_of(wanted: Kind | Literal["auto"], tree: ClassTree, has_instances: bool) -> tuple[Kind, str]:
    """What a model answers, and why.

    Args:
        wanted: as told.
        tree: the classes.
        has_instances: whether objects are labelled one by one.

    Raises:
        ConfigError: if the labels or the classes do not allow what is wanted.
    """
    leaves = list(tree.leaves)
    n_stuff = int((~tree.is_thing[leaves]).sum())
    countable = has_instances and n_stuff < len(leaves)
    plain: Kind = "binary" if len(leaves) == 2 else "semantic"
    if wanted in OBJECT_KINDS and not countable:
        lack = "no class is a thing (kind: thing in classes.yaml)" if has_instances else "objects are not labelled"
        raise ConfigError(f"kind {wanted!r} needs objects that are labelled one by one, but {lack}; use --kind {plain}")
    if wanted == "binary" and len(leaves) != 2:
        raise ConfigError(f"kind 'binary' needs two classes, but there are {len(leaves)}; use --kind semantic")
    if wanted != "auto":
        return wanted, f"kind {wanted}: as told"
    if not countable:
        why = "objects are not labelled one by one" if not has_instances else "no class is a thing"
        return plain, f"kind {plain}: {len(leaves)} classes, and {why}"
    if n_stuff > 1:
        return "panoptic", f"kind panoptic: objects are labelled one by one, and {n_stuff} classes are stuff"
    return "instance", "kind instance: objects are labelled one by one, and all other classes are but one ground"


def view_size(settings: TrainSettings, fingerprint: Fingerprint) -> tuple[int, int]:
    """Height and width of the training views in pixels, multiples of 32; small pictures are padded, not enlarged."""
    side = settings.crop or USUAL_VIEW
    return min(side, _up(fingerprint.height[1])), min(side, _up(fingerprint.width[1]))


def wanted_batch(settings: TrainSettings, fingerprint: Fingerprint) -> int:
    """Pictures per step, memory aside: as told, or as many as the schedule was made for and the data set has."""
    return settings.batch or max(2, min(TRAINING_BATCH, fingerprint.n_pictures.get("train", TRAINING_BATCH)))


def decide(
    settings: TrainSettings, fingerprint: Fingerprint, memory_bytes: int, kind: tuple[Kind, str], plan: Plan
) -> Recipe:
    """Fill in what the settings leave open.

    Args:
        settings: as told.
        fingerprint: of the training split.
        memory_bytes: memory that is free now.
        kind: of `kind_of`.
        plan: of this training; device, precision, layout and batch are obeyed.
    """
    reasons: dict[str, str] = {"kind": kind[1]}
    reasons |= {name: f"{name}: {plan.reasons[name]}" for name in PLANNED if name in plan.reasons}
    crop_hw = view_size(settings, fingerprint)
    reasons["crop"] = (
        f"views of {crop_hw[0]} x {crop_hw[1]} px from pictures of "
        f"{fingerprint.height[1]} x {fingerprint.width[1]} px (median)"
    )
    if plan.batch == 1 and crop_hw == (32, 32):
        raise ConfigError(
            "batch 1 with views of 32 x 32 px leaves batch normalisation a single value per channel; use --batch 2"
        )
    first_view = max(settings.first_view, min(LEAST_VIEW / min(crop_hw), 1.0))
    if first_view < 1:
        first_hw, _ = smaller_view(crop_hw, first_view)
        reasons["crop"] += (
            f"; at the start {first_hw[0]} x {first_hw[1]} px of pictures made smaller, growing until "
            f"{100 * GROWN:.0f} % of the run are over: small views teach most of the same in a fraction of the time"
        )
    stride = settings.stride or fingerprint.output_stride
    reasons["stride"] = fingerprint.stride_reason if settings.stride is None else f"stride {stride}: as told"
    wanted, allowed = fingerprint.decoded_bytes, min(memory_bytes // 3, max(memory_bytes - plan.memory_bytes, 0))
    fits = wanted <= allowed
    reasons["cache"] = (
        f"{wanted / 2**20:.0f} MiB of decoded samples "
        + ("fit" if fits else "do not all fit")
        + f" in {allowed / 2**20:.0f} MiB: a third of the free memory, or what the network leaves of it"
    )
    augment, reasons["augmentation"] = _augment(settings.augment, fingerprint)
    return Recipe(
        kind=kind[0],
        device=plan.device,
        bf16=plan.precision == "bf16",
        layout=plan.layout,
        batch=plan.batch,
        crop_hw=crop_hw,
        first_view=first_view,
        stride=stride,
        cache_bytes=min(wanted * 2, allowed),
        ahead=3 if plan.device == "cuda" else 0,
        augment=augment,
        reasons=reasons,
    )


def _augment(wanted: Augment, fingerprint: Fingerprint) -> tuple[AugmentConfig, str]:
    """How far views stray, and why."""
    if wanted == "none":
        return UNCHANGED, (
            "augmentation none: as told; views are parts of the pictures and do not vary, so these are learned by "
            "heart sooner, and others worse"
        )
    if fingerprint.no_up:
        why = "the classes lie alike in both halves of the pictures, so views are also turned upside down"
        return AugmentConfig(upside_down=True), why
    return AugmentConfig(), "the pictures have an up, so views are mirrored but not turned"


def _up(length: int) -> int:
    return -(-length // 32) * 32
