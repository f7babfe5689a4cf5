"""The trivial answers: what somebody scores who never looks at a picture, or only at its brightness.

In:  labelled training pictures, from which the trivial answers are chosen; then the labels of the pictures that a
     model is measured on.
Out: `TrivialAnswers`; their scores by the model's own measures.

A score means little without them: where 3 % of the pixels are cracks, "all background" has a mean IoU of 0.485.

numpy and OpenCV. Must not know: files, networks, how a score is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.metrics import semantic
from smalta.metrics.binary import NEGATIVE, POSITIVE, f1
from smalta.metrics.hierarchy import level_index
from smalta.metrics.panoptic import SegmentMap
from smalta.system.records import read_record

BY_BRIGHTNESS = "a brightness threshold"
NO_OBJECTS = "no objects"
MEAN_COUNT = "the mean count of the training pictures"
FACT = "trivial"  # their name among the facts of a model
NOTABLE = 0.01  # a smaller gain over a trivial answer is none


@dataclass(frozen=True, slots=True, kw_only=True)
class TrivialScore:
    """The score of a trivial answer.

    Attributes:
        answer: in words, such as "all background".
        value: by the same measure, on the same pictures.
    """

    answer: str
    value: float

    def beaten_by(self, score: float, *, lower_is_better: bool = False) -> bool:
        """Whether a score is notably better."""
        gain = self.value - score if lower_is_better else score - self.value
        return gain >= NOTABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Brightness:
    """The best answer by brightness alone, chosen on training pictures.

    Attributes:
        threshold: on the grey value, 1..255; None for the threshold of Otsu (1979), which each picture gives anew.
        bright: whether the positive class is the brighter side.
        f1: of the positive class on the training pictures.
    """

    threshold: int | None
    bright: bool
    f1: float

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The positive pixels, (H, W) bool, of a picture (H, W, 3) uint8 RGB."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        least = _otsu(grey) if self.threshold is None else self.threshold
        return (grey >= least) == self.bright


@dataclass(frozen=True, slots=True, kw_only=True)
class TrivialAnswers:
    """The trivial answers of a data set, chosen on its training pictures.

    Attributes:
        frequent: by level, from the top, the path of the class with the most training pixels; "" without labels.
        stuff: the same among the classes of stuff.
        brightness: for a tree of two leaves; otherwise None.
        counts: by path of a thing, the mean number of its objects in a picture, and "" for all objects; empty if
            objects are not labelled.
    """

    frequent: tuple[str, ...]
    stuff: tuple[str, ...]
    brightness: Brightness | None = None
    counts: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, tree: ClassTree, pixels: np.ndarray, brightness: Brightness | None, counts: Mapping[str, float]
    ) -> Self:
        """The trivial answers from facts about the training pictures.

        Args:
            tree: the classes.
            pixels: (N + 1,) training pixels, or their shares, by node id.
            brightness, counts: as the attributes.
        """
        frequent: list[str] = []
        stuff: list[str] = []
        for k in range(1, tree.n_levels + 1):
            nodes = np.array(tree.level(k))
            total = np.bincount(level_index(tree, k), pixels, minlength=len(nodes) + 1)[1:]
            for names, total_of in ((frequent, total), (stuff, np.where(tree.is_thing[nodes], 0, total))):
                names.append(tree[int(nodes[total_of.argmax()])].path if total_of.any() else "")
        return cls(frequent=tuple(frequent), stuff=tuple(stuff), brightness=brightness, counts=counts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ConfigError: if `to_dict` did not write it.
        """
        return read_record(cls, values, what="the trivial answers", fix="train the model again", complete=True)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], tree: ClassTree) -> Self | None:
        """The trivial answers that a model states; None if it states none.

        Args:
            facts: of the model.
            tree: the model's classes.

        Raises:
            ConfigError: if they cannot be read.
        """
        if facts.get(FACT) is None:
            return None
        found = cls.from_dict(facts[FACT])
        if not len(found.frequent) == len(found.stuff) == tree.n_levels:
            raise ConfigError(
                f"the trivial answers of the model have {len(found.frequent)} levels, and its class tree has "
                f"{tree.n_levels}; train the model again"
            )
        return found

    def constant(self, tree: ClassTree, k: int) -> tuple[str, int]:
        """The most frequent class of level `k`: the answer in words, and the class's place 1..K; 0 without labels."""
        place = _place(tree, k, self.frequent[k - 1])
        return f"all {tree.name(tree.level(k)[place - 1])}" if place else "", place

    def backdrop(self, tree: ClassTree, k: int) -> int:
        """The place 1..K of the most frequent stuff of level `k`, which is everywhere if there are no objects; or 0."""
        return _place(tree, k, self.stuff[k - 1])


def _place(tree: ClassTree, k: int, path: str) -> int:
    paths = [tree[node].path for node in tree.level(k)]
    return paths.index(path) + 1 if path in paths else 0


# -- brightness ---------------------------------------------------------------------------------------


def _otsu(grey: np.ndarray) -> int:
    """The least grey value of the brighter side, by Otsu's threshold."""
    return int(cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]) + 1


def brightness_counts(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What `best_brightness` needs of one picture; sums over pictures are allowed.

    Args:
        picture: (H, W, 3) uint8 RGB.
        labels: (H, W) unsigned integers, 0 = unlabelled, 1 = negative, 2 = positive.

    Returns:
        (2, 2, 256) int64: pixels by side of the picture's own threshold (dark, bright), label (negative, positive) and
        grey value.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    side = (grey >= _otsu(grey)).astype(np.intp)
    places = (side * 3 + labels) * 256 + grey
    return np.bincount(places.ravel(), minlength=2 * 3 * 256).reshape(2, 3, 256)[:, NEGATIVE : POSITIVE + 1]


def best_brightness(counts: np.ndarray) -> Brightness | None:
    """The threshold with the best F1 on the training pictures; None if none of their pixels is positive.

    Args:
        counts: sum of `brightness_counts` over them.
    """
    true = int(counts[:, 1].sum())
    if not true:
        return None
    below = np.concatenate([np.zeros((2, 1), np.int64), counts.sum(axis=0).cumsum(axis=1)], axis=1)[:, 1:256]
    total = counts.sum(axis=(0, 2))[:, None]
    by_side = counts.sum(axis=2)  # side, label
    found = []
    for bright in (False, True):
        fixed = (total - below) if bright else below  # (label, threshold - 1)
        for threshold, predicted in ((None, by_side[int(bright)]), *((t, fixed[:, t - 1]) for t in range(1, 256))):
            negative, positive = (int(n) for n in predicted)
            score = float(f1(np.array([positive, negative + positive, positive, true])))
            found.append(Brightness(threshold=threshold, bright=bright, f1=round(score, 6)))
    return max(found, key=lambda one: one.f1)


# -- scores -------------------------------------------------------------------------------------------


def constant_counts(truth: np.ndarray, place: int) -> np.ndarray:
    """Counts of the answer "all of them are class `place`", as `semantic.counts_of` makes them.

    Args:
        truth: (K,) labelled pixels by class.
        place: 1..K; 0 for no answer.

    Returns:
        (K, 3).
    """
    counts = np.stack([np.zeros_like(truth), truth, np.zeros_like(truth)], axis=-1)
    if place:
        counts[place - 1, 0], counts[place - 1, 2] = truth[place - 1], truth.sum()
    return counts


def empty_segments(size_hw: tuple[int, int], place: int) -> SegmentMap:
    """A picture without objects: class `place` everywhere; void if it is 0."""
    ids = np.array([place] if place else [], dtype=np.int64)
    return SegmentMap(
        segments=np.full(size_hw, place, np.int64), ids=ids, classes=ids, crowd=np.zeros(len(ids), dtype=bool)
    )


def binary_matrix(picture: np.ndarray, labels: np.ndarray, brightness: Brightness) -> np.ndarray:
    """(2, 3) confusion matrix of the answer by brightness; `labels` as for `brightness_counts`."""
    answered = np.where(brightness(picture), POSITIVE, NEGATIVE).astype(np.uint16)
    return semantic.confusion(labels, answered, 2)


def best_of(scores: Iterable[TrivialScore], *, lower_is_better: bool = False) -> TrivialScore | None:
    """The best of several trivial answers; None if no score is defined."""
    known = [score for score in scores if not np.isnan(score.value)]
    if not known:
        return None
    return min(known, key=lambda one: one.value if lower_is_better else -one.value)
