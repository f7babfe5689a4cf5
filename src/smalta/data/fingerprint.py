"""A data set in numbers: the facts from which training and planning decide, and which reports show.

In:  the samples of one split.
Out: `Fingerprint`: plain numbers for a JSON file, and the output stride that follows from them.

Must not know: networks, devices, class weights. Training makes class weights from the shares and uses the stride.

Two rules choose the stride. A structure must be at least as wide as the stride: thinner classes lose IoU even in the
best map of that stride (docs/decisions/0004-output-stride-follows-thinnest-classes.md). The smallest objects must cover
six cells of the map: with fewer, objects are lost even from perfect fields
(docs/decisions/0005-output-stride-follows-smallest-objects.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import cv2
import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.data.thickness import ridge_widths
from smalta.errors import ConfigError, DataError
from smalta.metrics.hierarchy import level_index
from smalta.metrics.trivial import Brightness, TrivialAnswers, best_brightness, brightness_counts
from smalta.system.records import read_record
from smalta.system.threads import map_in_order

WIDTH_QUANTILE = 0.25  # by area: a quarter of the class lies in structures thinner than its `width`
OBJECT_QUANTILE = 0.1
FINE_SHARE = 0.25  # from this share of fine classes on, a finer map is worth the time that it costs
OBJECT_OUTPUTS = 6  # the smallest objects must cover at least this number of cells of the network's map
UP_REACH = 0.1  # a class that lies farther from the middle than this share of the height shows which way is up
UP_SHARE = 0.001  # rarer classes lie where they are by chance
_WINDOW = 1024  # widths are measured in a window of at most this side, pixels
_BIN = 0.25  # pixels of width per histogram bin
_BINS = 257  # the last bin holds all widths of 64 px and more


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """One class of the tree, by its own label; pixels with a label of its children do not count.

    Attributes:
        share: of all labelled pixels, in [0, 1].
        n_pictures: measured pictures in which it occurs.
        width: pixels, at most 64; a quarter of its area lies in thinner structures. None if it never has a border.
        object_area: pixels; a tenth of its objects are smaller. If objects are not labelled, of connected regions.
        n_objects: objects in the measured pictures.
        center_y: mean height of its pixels in their pictures, 0 = top, 1 = bottom. None if it never occurs.
    """

    share: float
    n_pictures: int
    width: float | None
    object_area: float | None
    n_objects: int
    center_y: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A data set in numbers.

    Attributes:
        n_pictures: pictures per split.
        n_measured: pictures of the measured split that were read.
        height: least, median and largest picture height in pixels.
        width: the same for the width.
        nodes: facts by path of the class, for every node of the tree.
        unlabelled_share: share of all pixels without a label.
        has_instances: whether objects are labelled one by one.
        color_mean: per RGB channel, 1.0 = full brightness.
        color_std: the same for the standard deviation over all pixels.
        grey_only: whether all three channels are equal everywhere.
        decoded_bytes: memory for all samples of the measured split, kept decoded.
        output_stride: side of a cell of the network's map: 4, 2 or 1 pixels.
        stride_reason: why, in a sentence.
        brightness: how well brightness alone separates two classes; None for other numbers of classes.
    """

    n_pictures: Mapping[str, int]
    n_measured: int
    height: tuple[int, int, int]
    width: tuple[int, int, int]
    nodes: Mapping[str, NodeFacts]
    unlabelled_share: float
    has_instances: bool
    color_mean: tuple[float, float, float]
    color_std: tuple[float, float, float]
    grey_only: bool
    decoded_bytes: int
    output_stride: int
    stride_reason: str
    brightness: Brightness | None = None

    @property
    def no_up(self) -> bool:
        """Whether no class prefers the upper or the lower half, so that pictures may be turned upside down."""
        centers = [facts.center_y for facts in self.nodes.values() if facts.share >= UP_SHARE]
        return all(center is None or abs(center - 0.5) <= UP_REACH for center in centers)

    def shares(self, tree: ClassTree) -> np.ndarray:
        """(N + 1,) float64 share of the labelled pixels by node id; 0 for the root.

        Raises:
            ConfigError: if the fingerprint was measured with other classes.
        """
        missing = [node.path for node in tree.nodes if node.path not in self.nodes]
        if missing:
            raise ConfigError(f"the fingerprint has no class {missing[0]!r}; measure the data set again")
        return np.array([0.0, *(self.nodes[node.path].share for node in tree.nodes)])

    def trivial(self, tree: ClassTree) -> TrivialAnswers:
        """The trivial answers of the measured pictures.

        Raises:
            ConfigError: as `shares`.
        """
        counts: dict[str, float] = {}
        if self.has_instances:
            found = tree.roll_up(np.array([0, *(self.nodes[node.path].n_objects for node in tree.nodes)]))
            counts = {n.path: round(found[n.id] / self.n_measured, 3) for n in tree.nodes if tree.is_thing[n.id]}
            topmost = [n.path for n in tree.nodes if tree.is_thing[n.id] and not tree.is_thing[n.parent]]
            counts[""] = round(sum(counts[path] for path in topmost), 3)
        return TrivialAnswers.of(tree, self.shares(tree), self.brightness, counts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a parsed JSON file; keys must be exactly those of `to_dict`.

        Raises:
            ConfigError: if a key is missing or unknown, or a value breaks its rule.
        """
        return read_record(cls, values, what="the fingerprint", fix="measure the data set again")


def measure(
    dataset: Dataset,
    *,
    split: str = "train",
    most: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Fingerprint:
    """Measure one split of a data set.

    Args:
        dataset: an open data set.
        split: the split to read pictures from.
        most: number of pictures to read; they are spread evenly over the split.
        seed: moves the windows in which the widths of very large pictures are measured.
        progress: called after each picture with the number of finished and of all pictures.

    Raises:
        DataError: if the split is empty, or a file of it cannot be read.
    """
    entries = dataset.split(split)
    chosen = np.unique(np.linspace(0, len(entries) - 1, min(most, len(entries))).round().astype(int))
    n_pictures = {name: len(some) for name, some in dataset.splits.items()}
    tally = _Tally(dataset.tree)

    def look(index: int) -> _Look:
        return _look(dataset.read(entries[index]), dataset.tree, np.random.default_rng((seed, index)))

    for done, found in enumerate(map_in_order(look, chosen), start=1):
        tally.add(found)
        if progress is not None:
            progress(done, len(chosen))
    return tally.fingerprint(n_pictures, n_all=len(entries))


def measure_samples(samples: Iterable[Sample], tree: ClassTree, *, seed: int = 0) -> Fingerprint:
    """Measure all samples given; they count as the split "train"."""
    tally = _Tally(tree)
    for index, sample in enumerate(samples):
        tally.add(_look(sample, tree, np.random.default_rng((seed, index))))
    return tally.fingerprint({"train": len(tally.sizes_hw)}, n_all=len(tally.sizes_hw))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The measures of one sample: pixel counts, width histogram and object areas by node id, sums of colours."""

    size_hw: tuple[int, int]
    pixels: np.ndarray  # (N + 1,)
    heights: np.ndarray  # (N + 1,), sum over the pixels of y / H
    widths: np.ndarray  # (N + 1, _BINS), area by width
    areas: Mapping[int, np.ndarray]
    color_sum: np.ndarray  # (3,)
    color_squares: np.ndarray  # (3,)
    is_grey: bool
    has_instances: bool
    n_bytes: int
    brightness: np.ndarray | None  # `brightness_counts`, for two classes


def _look(sample: Sample, tree: ClassTree, rng: np.random.Generator) -> _Look:
    picture, classes = sample.picture, sample.classes
    mean, std = (np.ravel(values) / 255 for values in cv2.meanStdDev(picture))
    maps = [picture, classes, *sample.attributes.values()]
    maps += [] if sample.instances is None else [sample.instances]
    return _Look(
        size_hw=classes.shape,
        pixels=np.bincount(classes.ravel(), minlength=len(tree) + 1),
        heights=_heights(classes, len(tree) + 1),
        widths=_width_histogram(sample, len(tree) + 1, rng),
        areas=_object_areas(sample, tree),
        color_sum=mean * classes.size,
        color_squares=(std**2 + mean**2) * classes.size,
        is_grey=bool((picture[..., :1] == picture[..., 1:]).all()),
        has_instances=sample.instances is not None,
        n_bytes=sum(array.nbytes for array in maps),
        brightness=_brightness(sample, tree),
    )


def _brightness(sample: Sample, tree: ClassTree) -> np.ndarray | None:
    if tree.n_leaves != 2:
        return None
    return brightness_counts(sample.picture, level_index(tree, tree.n_levels)[sample.classes])


def _heights(classes: np.ndarray, n_nodes: int) -> np.ndarray:
    relative = np.broadcast_to((np.arange(len(classes))[:, None] + 0.5) / len(classes), classes.shape)
    return np.bincount(classes.ravel(), weights=relative.ravel(), minlength=n_nodes)


def _width_histogram(sample: Sample, n_nodes: int, rng: np.random.Generator) -> np.ndarray:
    classes = sample.classes
    regions = classes.astype(np.int64)
    if sample.instances is not None:
        regions += sample.instances.astype(np.int64) << 16
    if max(classes.shape) > _WINDOW:
        rows, columns = _window_on_rarest(classes, rng)
        classes, regions = classes[rows, columns], np.ascontiguousarray(regions[rows, columns])
    widths, flat = ridge_widths(regions)
    bins = np.minimum((widths / _BIN).round().astype(np.int64), _BINS - 1)
    places = classes.ravel()[flat].astype(np.int64) * _BINS + bins
    return np.bincount(places, weights=widths, minlength=n_nodes * _BINS).reshape(n_nodes, _BINS)


def _window_on_rarest(classes: np.ndarray, rng: np.random.Generator) -> tuple[slice, slice]:
    """A window around a random pixel of the picture's rarest class, so that rare thin classes are measured."""
    counts = np.bincount(classes.ravel())
    counts[ROOT] = 0
    rarest = np.where(counts > 0, counts, np.iinfo(counts.dtype).max).argmin()
    places = np.flatnonzero(classes.ravel() == rarest)
    centre_yx = np.unravel_index(places[rng.integers(len(places))] if len(places) else 0, classes.shape)
    starts = [
        int(np.clip(c - _WINDOW // 2, 0, max(0, n - _WINDOW))) for c, n in zip(centre_yx, classes.shape, strict=True)
    ]
    return slice(starts[0], starts[0] + _WINDOW), slice(starts[1], starts[1] + _WINDOW)


def _object_areas(sample: Sample, tree: ClassTree) -> dict[int, np.ndarray]:
    """Pixels of every object by node id: labelled objects of things, otherwise connected regions."""
    found: dict[int, np.ndarray] = {}
    present = np.flatnonzero(np.bincount(sample.classes.ravel()))
    for node in present[present != ROOT]:
        inside = sample.classes == node
        if sample.instances is not None and tree.is_thing[node]:
            objects = sample.instances[inside]
            found[int(node)] = np.unique(objects[objects > 0], return_counts=True)[1]
        else:
            stats = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)[2]
            found[int(node)] = stats[1:, cv2.CC_STAT_AREA]
    return found


@dataclass
class _Tally:
    """The sum over all samples."""

    tree: ClassTree
    sizes_hw: list[tuple[int, int]] = field(default_factory=list)
    pixels: Any = 0
    heights: Any = 0
    pictures: Any = 0
    widths: Any = 0
    areas: dict[int, list[np.ndarray]] = field(default_factory=dict)
    color_sum: Any = 0
    color_squares: Any = 0
    grey_only: bool = True
    has_instances: bool = False
    n_bytes: int = 0
    brightness: Any = 0

    def add(self, look: _Look) -> None:
        self.sizes_hw.append(look.size_hw)
        self.pixels = self.pixels + look.pixels
        self.heights = self.heights + look.heights
        self.pictures = self.pictures + (look.pixels > 0)
        self.widths = self.widths + look.widths
        for node, areas in look.areas.items():
            self.areas.setdefault(node, []).append(areas)
        self.color_sum = self.color_sum + look.color_sum
        self.color_squares = self.color_squares + look.color_squares
        self.grey_only &= look.is_grey
        self.has_instances |= look.has_instances
        self.n_bytes += look.n_bytes
        self.brightness = None if look.brightness is None else self.brightness + look.brightness

    def fingerprint(self, n_pictures: Mapping[str, int], n_all: int) -> Fingerprint:
        if not self.sizes_hw:
            raise DataError("the split has no picture to measure; it needs at least one")
        n_pixels = int(self.pixels.sum())
        n_labelled = n_pixels - int(self.pixels[ROOT])
        nodes = {node.path: self._facts(node.id, n_labelled) for node in self.tree.nodes}
        things = {node.path for node in self.tree.nodes if self.has_instances and node.kind == "thing"}
        stride, reason = choose_stride(nodes, things)
        mean = self.color_sum / n_pixels
        std = np.sqrt(np.maximum(self.color_squares / n_pixels - mean**2, 0))
        heights, widths = zip(*self.sizes_hw, strict=True)
        return Fingerprint(
            n_pictures=dict(n_pictures),
            n_measured=len(self.sizes_hw),
            height=(min(heights), int(np.median(heights)), max(heights)),
            width=(min(widths), int(np.median(widths)), max(widths)),
            nodes=nodes,
            unlabelled_share=int(self.pixels[ROOT]) / n_pixels,
            has_instances=self.has_instances,
            color_mean=tuple(mean.round(4).tolist()),
            color_std=tuple(std.round(4).tolist()),
            grey_only=self.grey_only,
            decoded_bytes=round(self.n_bytes / len(self.sizes_hw) * n_all),
            output_stride=stride,
            stride_reason=reason,
            brightness=None if self.brightness is None else best_brightness(self.brightness),
        )

    def _facts(self, node: int, n_labelled: int) -> NodeFacts:
        by_width = self.widths[node]
        areas = np.concatenate(self.areas.get(node, [np.zeros(0)]))
        middle = np.searchsorted(by_width.cumsum(), WIDTH_QUANTILE * by_width.sum())
        return NodeFacts(
            share=int(self.pixels[node]) / n_labelled if n_labelled else 0.0,
            n_pictures=int(self.pictures[node]),
            width=float(middle * _BIN) if by_width.any() else None,
            object_area=round(float(np.quantile(areas, OBJECT_QUANTILE)), 1) if len(areas) else None,
            n_objects=len(areas),
            center_y=round(float(self.heights[node] / self.pixels[node]), 4) if self.pixels[node] else None,
        )


def choose_stride(nodes: Mapping[str, NodeFacts], things: Iterable[str] = ()) -> tuple[int, str]:
    """The coarsest of the strides 4, 2 and 1 that keeps enough of the classes, and the reason.

    A class is too fine for a stride if it is thinner than the stride, or if its smallest labelled objects cover fewer
    than six cells of the map. The most frequent class does not count: it is the background of the others. A finer map
    makes all of training slower, so it is chosen only if at least a quarter of the classes are too fine.

    Args:
        nodes: facts by path.
        things: paths for which `object_area` measures labelled objects.

    Returns:
        The stride in pixels, and the reason in a sentence.
    """
    present = sorted((path for path in nodes if nodes[path].n_pictures), key=lambda path: -nodes[path].share)
    rest = present[1:]
    if not rest:
        return 4, "stride 4: no second class is labelled, so no class needs a finer map"
    lost = ""
    for stride in (4, 2):
        fine = _too_fine(nodes, rest, frozenset(things), stride)
        count = f"{len(fine)} of {len(rest)} classes beside {present[0]!r} are"
        few = ", ".join(fine[:3]) + (", ..." if len(fine) > 3 else "")
        if len(fine) < FINE_SHARE * len(rest):
            return stride, f"stride {stride}: " + (
                lost or (f"only {count} too fine for it ({few})" if fine else f"{count} too fine for it")
            )
        lost = f"{count} too fine for stride {stride} ({few})"
    return 1, f"stride 1: {lost}"


def _too_fine(nodes: Mapping[str, NodeFacts], paths: Iterable[str], things: frozenset[str], stride: int) -> list[str]:
    """A phrase for every class that a map of this stride would lose."""
    phrases = []
    for path in paths:
        width, area = nodes[path].width, nodes[path].object_area
        if width is not None and width < stride:
            phrases.append(f"{path}: {width:g} px wide")
        elif path in things and area is not None and area < OBJECT_OUTPUTS * stride**2:
            phrases.append(f"{path}: objects of {area:g} px")
    return phrases
