"""Segment pictures with a model that is loaded once.

In:  a run folder or an exported model; pictures as arrays or paths.
Out: `Segmentation`s.

Must not know: how models are opened, how files are written, how training works.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from smalta.answers.decoding import USUAL, Decoding, Method
from smalta.answers.evidence import Evidence
from smalta.answers.fields import LOGITS
from smalta.answers.grouping import GroupingRule
from smalta.answers.segmentation import Segmentation
from smalta.answers.upscaling import class_map, fields_of
from smalta.description.kinds import KINDS, OBJECT_KINDS, Kind
from smalta.description.model_info import ModelInfo
from smalta.errors import ConfigError, ShapeError
from smalta.inference.opened import OpenedModel, open_model
from smalta.inference.plan_follower import PlanFollower
from smalta.pictures.reading import read_picture
from smalta.planning.plan import Plan
from smalta.runtimes.protocol import Maps, Runtime
from smalta.runtimes.registry import AUTO, WantedDevice
from smalta.runtimes.stopwatch import Stopwatch


class Predictor:
    """A model, ready to segment pictures.

    Args:
        runtime: runs the network.
        info: the description of the model.
        digest: identifies the model.
        plan: that the runtime follows; None without a plan.
        follower: watches over the plan while many pictures are processed, and may replace it; None to keep the plan.

    Attributes:
        runtime: as given, timed.
        info, digest, plan, follower: as given; the plan is that which is followed now.
        tree, kind, threshold, facts: those of `info`.

    Example:
        >>> predictor = load("run")
        >>> picture = open_dataset("scenes").split("test")[0].picture
        >>> predictor(picture, level=1, min_confidence=0.8).size_hw
        (64, 96)
    """

    def __init__(
        self,
        runtime: Runtime,
        info: ModelInfo,
        *,
        digest: str = "",
        plan: Plan | None = None,
        follower: PlanFollower | None = None,
    ) -> None:
        self.runtime = Stopwatch(runtime)
        self.info, self.digest, self.plan, self.follower = info, digest, plan, follower
        self.tree, self.kind, self.threshold, self.facts = info.tree, info.kind, info.threshold, info.facts

    def __call__(
        self,
        picture: np.ndarray | str | Path,
        *,
        kind: Kind | None = None,
        level: int | None = USUAL.level,
        min_confidence: float = USUAL.min_confidence,
        method: Method = USUAL.method,
    ) -> Segmentation:
        """Segment one picture.

        Args:
            picture: a path, or (H, W, 3) uint8 RGB, or (H, W) uint8 grey.
            kind: "instance" and "panoptic" have objects, "binary" and "semantic" do not; None for the model's own.
            level: the deepest level of the class tree to use; None for the leaves.
            min_confidence: each pixel gets the deepest class with at least this probability, or 0 (no class).
            method: "top-down" takes the best child inside the best parent, "leaf" the best leaf.

        Raises:
            DataError: if the file cannot be read as a picture.
            ShapeError: if the array is not a picture.
            ClassTreeError: if the tree lacks the level.
            ConfigError: if `min_confidence` is outside [0, 1], the method is unknown, or the model does not support
                this kind.
        """
        self.rule_for(kind)  # refuses a kind before the network runs
        decoding = Decoding(method=method, level=level, min_confidence=min_confidence)
        array = read_picture(picture) if isinstance(picture, str | Path) else _as_rgb(picture)
        return self.answer(self.maps(array), _size_of(array), kind, decoding)

    def class_map(self, picture: np.ndarray | str | Path, *, level: int | None = USUAL.level) -> np.ndarray:
        """`predictor(picture, kind="semantic", level=level).classes`, in less time and memory.

        Args:
            picture, level: as above.

        Returns:
            (H, W) uint16 node ids.

        Raises:
            DataError, ShapeError, ClassTreeError: as above.
        """
        array = read_picture(picture) if isinstance(picture, str | Path) else _as_rgb(picture)
        return self.classes(self.maps(array), _size_of(array), Decoding(level=level))

    def go_on_with(self, runtime: Runtime, plan: Plan) -> None:
        """Answer with another runtime and plan from now on; call it while no picture is being processed."""
        self.runtime, self.plan = Stopwatch(runtime, self.runtime.busy_seconds), plan

    # -- the two steps of an answer: first the network, then the decoding of its maps -----------------

    def maps(self, picture: np.ndarray) -> Maps:
        """The network's maps of a picture (H, W, 3) uint8 RGB, without a first axis for pictures."""
        return {name: batch[0] for name, batch in self.runtime.maps(picture[None]).items()}

    def answer(self, maps: Maps, size_hw: tuple[int, int], kind: Kind | None, decoding: Decoding) -> Segmentation:
        """Decode the maps of a picture of this size; the errors are those of a call."""
        return Segmentation.from_fields(
            self.tree,
            fields_of(maps, self.tree.attributes, size_hw, self.runtime.stride),
            rule=self.rule_for(kind),
            decoding=self.with_threshold(decoding),
            evidence=self.evidence(maps, size_hw),
        )

    def evidence(self, maps: Maps, size_hw: tuple[int, int]) -> Evidence:
        """What the maps of a picture of this size, or of a part, say about each node."""
        return Evidence.of_maps(self.tree, maps, size_hw, self.runtime.stride, self.info.presence)

    def classes(self, maps: Maps, size_hw: tuple[int, int], decoding: Decoding) -> np.ndarray:
        """(H, W) uint16 node ids: the classes of `answer` without objects, in less time and memory."""
        return class_map(self.tree, maps[LOGITS], size_hw, self.runtime.stride, self.with_threshold(decoding))

    def with_threshold(self, decoding: Decoding) -> Decoding:
        """The decoding, with the model's own threshold if it sets none."""
        return decoding if decoding.threshold is not None else replace(decoding, threshold=self.threshold)

    def rule_for(self, kind: Kind | None) -> GroupingRule | None:
        """The rule for objects in an answer of a kind; None for a kind without objects.

        Raises:
            ConfigError: if the model does not support this kind.
        """
        wanted = self.kind if kind is None else kind
        if wanted not in KINDS:
            raise ConfigError(f"kind must be one of {', '.join(KINDS)}, got {wanted!r}")
        if wanted not in OBJECT_KINDS:
            if wanted == "binary" and self.tree.n_leaves != 2:
                raise ConfigError(f"kind 'binary' needs a model of two classes, this one has {self.tree.n_leaves}")
            return None
        if not self.info.network.objects:
            raise ConfigError(
                f"kind {wanted!r} needs a model that was trained on labelled objects, this one is {self.kind!r}; "
                "train on a data set with instance labels"
            )
        return self.info.grouping


def load(model: str | Path | OpenedModel, *, device: WantedDevice = AUTO) -> Predictor:
    """Load a trained model.

    It segments pictures as a whole, one at a time. `smalta.inference.answer_plan.load_planned` plans for many pictures,
    or large ones.

    Args:
        model: a run folder, the `model.safetensors` in it, or a `.onnx` file that `smalta export` wrote, which
            runs without PyTorch; or an open model.
        device: to run on; "auto" uses a CUDA device if the machine has one. An exported model runs on the processor.

    Raises:
        ModelError: if the model is missing or damaged, or its runtime is not installed.

    Example:
        >>> answer = load("run")(open_dataset("scenes").split("test")[0].picture)
        >>> sum(answer.areas()[name] for name in ("road", "sky")) <= 64 * 96
        True
    """
    opened = open_model(model)
    return Predictor(opened.runtime(device=device), opened.info, digest=opened.digest)


def _size_of(picture: np.ndarray) -> tuple[int, int]:
    return picture.shape[0], picture.shape[1]


def _as_rgb(picture: np.ndarray) -> np.ndarray:
    array = np.asarray(picture)
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if not fits or array.dtype != np.uint8 or 0 in array.shape:
        raise ShapeError(
            f"a picture must be (H, W, 3) or (H, W) uint8, got {array.shape} {array.dtype}; "
            "read files with smalta.pictures.reading.read_picture"
        )
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    return np.ascontiguousarray(array)  # PyTorch refuses negative strides, such as from [:, :, ::-1]
