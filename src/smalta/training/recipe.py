"""The decisions of a training run that its settings leave open: they follow from the data and the machine's plan.

In:  settings; a fingerprint; the plan for device, precision, layout and batch.
Out: `Recipe`, with a reason for each line, plain data in RUN/settings.json.

Must not know: running networks, batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from smalta.classes import ClassTree
from smalta.data.fingerprint import Fingerprint
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.errors import ConfigError
from smalta.planning.candidates import TRAINING_BATCH
from smalta.planning.plan import Plan
from smalta.runtimes.registry import Device, Layout
from smalta.training.augment import UNCHANGED, AugmentConfig, smaller_crop
from smalta.training.schedule import GROWN
from smalta.training.settings import Augment, TrainSettings

USUAL_CROP = 320  # pixels
LEAST_CROP = 96  # pixels, before rounding to 32; smaller crops have fewer than three cells of the coarsest map a side
PLANNED = ("device", "precision", "layout", "batch", "allocator", "time")  # lines of the plan that are reasons here


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The decisions for a run.

    Attributes:
        kind: of the model's answers.
        device: "cpu" or "cuda".
        bf16: whether the network computes in bf16.
        layout: of its maps in memory.
        batch: pictures per step.
        crop_hw: of the training crops, pixels.
        first_view: share of their side at the start of the run.
        stride: of the network's map.
        cache_bytes: memory for decoded samples.
        ahead: batches prepared in advance.
        augment: how much training crops vary.
        reasons: for each decision, by its name.
    """

    kind: Kind
    device: Device
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
    """The kind of a model's answers, and the reason.

    Args:
        wanted: the kind in the settings.
        tree: the classes.
        has_instances: whether objects are labelled one by one.

    Raises:
        ConfigError: if the labels or the classes do not allow the requested kind.
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
        return wanted, f"kind {wanted}: as set"
    if not countable:
        why = "objects are not labelled one by one" if not has_instances else "no class is a thing"
        return plain, f"kind {plain}: {len(leaves)} classes, and {why}"
    if n_stuff > 1:
        return "panoptic", f"kind panoptic: objects are labelled one by one, and {n_stuff} classes are stuff"
    return "instance", "kind instance: objects are labelled one by one, and there is at most one class of stuff"


def crop_size(settings: TrainSettings, fingerprint: Fingerprint) -> tuple[int, int]:
    """Height and width of the training crops in pixels, multiples of 32; small pictures are padded, not enlarged."""
    side = settings.crop or USUAL_CROP
    return min(side, _up(fingerprint.height[1])), min(side, _up(fingerprint.width[1]))


def wanted_batch(settings: TrainSettings, fingerprint: Fingerprint) -> int:
    """Pictures per step without regard to memory: as set, otherwise the schedule's usual batch or all pictures."""
    return settings.batch or max(2, min(TRAINING_BATCH, fingerprint.n_pictures.get("train", TRAINING_BATCH)))


def decide(
    settings: TrainSettings, fingerprint: Fingerprint, memory_bytes: int, kind: tuple[Kind, str], plan: Plan
) -> Recipe:
    """Decide what the settings leave open.

    Args:
        settings: as the user gave them.
        fingerprint: of the training split.
        memory_bytes: memory that is free now.
        kind: result of `kind_of`.
        plan: of this training; it sets device, precision, layout and batch.

    Raises:
        ConfigError: if batch normalisation cannot work.
    """
    crop_hw = crop_size(settings, fingerprint)
    if plan.batch == 1 and crop_hw == (32, 32):
        raise ConfigError(
            "batch 1 with crops of 32 x 32 px gives batch normalisation only one value per channel; use --batch 2"
        )
    first_view, why_crop = _growth(settings, fingerprint, crop_hw)
    stride = settings.stride or fingerprint.output_stride
    cache_bytes, why_cache = _cache(fingerprint, memory_bytes, plan)
    augment, why_augment = _augment(settings.augment, fingerprint)
    return Recipe(
        kind=kind[0],
        device=plan.device,
        bf16=plan.precision == "bf16",
        layout=plan.layout,
        batch=plan.batch,
        crop_hw=crop_hw,
        first_view=first_view,
        stride=stride,
        cache_bytes=cache_bytes,
        ahead=3 if plan.device == "cuda" else 0,
        augment=augment,
        reasons={
            "kind": kind[1],
            **{name: f"{name}: {plan.reasons[name]}" for name in PLANNED if name in plan.reasons},
            "crop": why_crop,
            "stride": _stride_reason(settings, fingerprint),
            "cache": why_cache,
            "augmentation": why_augment,
        },
    )


def _stride_reason(settings: TrainSettings, fingerprint: Fingerprint) -> str:
    if settings.stride is None:
        return fingerprint.stride_reason
    why = "as set" if settings.initial is None else "as in the model that the run starts from"
    return f"stride {settings.stride}: {why}"


def _growth(settings: TrainSettings, fingerprint: Fingerprint, crop_hw: tuple[int, int]) -> tuple[float, str]:
    """Share of the crops' side at the start of the run, and the reason for the crops' sizes."""
    first = max(settings.first_view, min(LEAST_CROP / min(crop_hw), 1.0))
    why = (
        f"crops of {crop_hw[0]} x {crop_hw[1]} px from pictures of "
        f"{fingerprint.height[1]} x {fingerprint.width[1]} px (median)"
    )
    if first < 1:
        first_hw, _ = smaller_crop(crop_hw, first)
        why += (
            f"; the run starts with {first_hw[0]} x {first_hw[1]} px of reduced pictures, and crops grow until "
            f"{100 * GROWN:.0f} % of the run: small crops teach most of the same in a fraction of the time"
        )
    return first, why


def _cache(fingerprint: Fingerprint, memory_bytes: int, plan: Plan) -> tuple[int, str]:
    """Bytes for decoded samples, and the reason."""
    wanted, allowed = fingerprint.decoded_bytes, min(memory_bytes // 3, max(memory_bytes - plan.memory_bytes, 0))
    return min(wanted * 2, allowed), (
        f"{wanted / 2**20:.0f} MiB of decoded samples "
        + ("fit" if wanted <= allowed else "do not all fit")
        + f" in {allowed / 2**20:.0f} MiB: a third of the free memory, or less if the network needs more"
    )


def _augment(wanted: Augment, fingerprint: Fingerprint) -> tuple[AugmentConfig, str]:
    """How much crops vary, and the reason."""
    if wanted == "none":
        return UNCHANGED, (
            "augmentation none: as set; crops are plain parts of the pictures, so the model overfits sooner and is "
            "worse on new pictures"
        )
    if fingerprint.no_up:
        why = "the upper and the lower half of the pictures have the same classes, so crops are also turned upside down"
        return AugmentConfig(upside_down=True), why
    return AugmentConfig(), "the pictures have an up, so crops are mirrored but not turned"


def _up(length: int) -> int:
    return -(-length // 32) * 32
