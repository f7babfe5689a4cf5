"""Batches of random crops: drawn in a fixed order, decoded once, computed on a few threads.

In:  entries of a data set, a seed, a step number.
Out: `Batch`es. They depend only on seed, step and the crop size of the step, so a resumed run gets the same batches.

Must not know: networks, losses, schedules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import lru_cache
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from smalta.data.dataset import Dataset
from smalta.data.sample import Entry, Sample
from smalta.system.cores import usable_cores
from smalta.training.augment import AugmentConfig, Crop, random_crop, smaller_crop
from smalta.training.sampling import picks
from smalta.training.targets import ObjectTargets, object_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Stacked crops.

    Attributes:
        pictures: (B, 3, H, W) uint8, channels-last in memory.
        labels: (B, H, W) int64 node ids.
        attributes: by name, (B, H, W) int64, 0 = not labelled.
        objects: targets of the heads for objects, stacked: "center" (B, h, w), "offsets" (B, 2, h, w) and "weights"
            (B, h, w) as in `ObjectTargets`; empty if the network has no such heads.
    """

    pictures: Tensor
    labels: Tensor
    attributes: Mapping[str, Tensor]
    objects: Mapping[str, Tensor]

    def to(self, device: torch.device) -> Batch:
        """The batch on another device."""
        return Batch(
            pictures=self.pictures.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            attributes={name: values.to(device, non_blocking=True) for name, values in self.attributes.items()},
            objects={name: values.to(device, non_blocking=True) for name, values in self.objects.items()},
        )

    def chunks(self, count: int) -> Iterator[Batch]:
        """The batch in `count` parts of nearly equal size, without empty parts."""
        parts = np.array_split(np.arange(len(self.labels)), count)
        for part in (part for part in parts if len(part)):
            rows = slice(int(part[0]), int(part[-1]) + 1)
            yield Batch(
                pictures=self.pictures[rows],
                labels=self.labels[rows],
                attributes={name: values[rows] for name, values in self.attributes.items()},
                objects={name: values[rows] for name, values in self.objects.items()},
            )


class SampleCache:
    """Decoded samples, kept until `budget_bytes` are used; all others are read from the disk every time."""

    def __init__(self, dataset: Dataset, budget_bytes: int) -> None:
        self._dataset = dataset
        self._kept: dict[str, Sample] = {}
        self._left = budget_bytes
        self._lock = Lock()

    def read(self, entry: Entry) -> Sample:
        """The sample of an entry; errors are those of `Dataset.read`."""
        if (kept := self._kept.get(entry.name)) is not None:
            return kept
        sample = self._dataset.read(entry)
        size = sample.picture.nbytes + sample.classes.nbytes + sum(a.nbytes for a in sample.attributes.values())
        size += 0 if sample.instances is None else sample.instances.nbytes
        with self._lock:
            if size <= self._left and entry.name not in self._kept:
                self._kept[entry.name] = sample
                self._left -= size
        return sample


class Batches:
    """An endless sequence of batches.

    Args:
        dataset: of the samples.
        entries: the pictures to draw from.
        weights: (P,) how often each is drawn; with equal weights, once in P draws.
        size_hw: of full crops, multiples of 32.
        batch: crops per batch.
        config: how much crops vary.
        seed: of order and crops.
        cache_bytes: memory for decoded samples.
        ahead: batches prepared in advance; 0 if the processor that prepares them also trains.
        object_stride: of the network's map, if it has heads for objects; otherwise None.
        share: side of a step's crops divided by that of full ones; called once, before the step's crops are made.
    """

    def __init__(
        self,
        dataset: Dataset,
        entries: Sequence[Entry],
        weights: np.ndarray,
        size_hw: tuple[int, int],
        *,
        batch: int,
        config: AugmentConfig,
        seed: int,
        cache_bytes: int,
        ahead: int = 0,
        object_stride: int | None = None,
        share: Callable[[int], float] = lambda step: 1.0,
    ) -> None:
        self._entries, self._weights, self._size_hw, self._batch = entries, weights, size_hw, batch
        self._config, self._seed, self._ahead, self._share = config, seed, ahead, share
        self._tree, self._object_stride = dataset.tree, object_stride
        self._order = lru_cache(maxsize=2)(self._draw_order)  # two: a batch may span the end of an epoch
        self._cache = SampleCache(dataset, cache_bytes)
        self._pool = ThreadPoolExecutor(
            min(batch, usable_cores()),
            initializer=lambda: torch.set_num_threads(1),
        )

    def start(self, step: int) -> Iterator[Batch]:
        """Batches from a step on."""
        waiting: deque[list[Future[tuple[Crop, ObjectTargets | None]]]] = deque()
        while True:
            while len(waiting) <= self._ahead:
                slots = range(step * self._batch, (step + 1) * self._batch)
                size_hw, zoom = smaller_crop(self._size_hw, self._share(step))
                waiting.append([self._pool.submit(self._crop, slot, size_hw, zoom) for slot in slots])
                step += 1
            made = [crop.result() for crop in waiting.popleft()]
            yield _stack([crop for crop, _ in made], [targets for _, targets in made if targets is not None])

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _draw_order(self, epoch: int) -> np.ndarray:
        """Indices of the entries of one pass."""
        return picks(self._weights, np.random.default_rng((self._seed, 0, epoch)))

    def _crop(self, slot: int, size_hw: tuple[int, int], zoom: float) -> tuple[Crop, ObjectTargets | None]:
        """The crop at a place in the sequence, and the targets of the heads for objects."""
        epoch, place = divmod(slot, len(self._entries))
        sample = self._cache.read(self._entries[self._order(epoch)[place]])
        rng = np.random.default_rng((self._seed, 1, slot))
        crop = random_crop(sample, self._tree, size_hw, self._config, rng, zoom)
        if self._object_stride is None:
            return crop, None
        instances = None if crop.instances is None else crop.instances.numpy()
        return crop, object_targets(crop.labels.numpy(), instances, self._tree.is_thing, self._object_stride)


def _stack(crops: Sequence[Crop], targets: Sequence[ObjectTargets]) -> Batch:
    pictures = torch.stack([crop.picture for crop in crops])
    names = {name for crop in crops for name in crop.attributes}
    blank = torch.zeros(crops[0].labels.shape, dtype=torch.uint8)
    return Batch(
        pictures=pictures.contiguous(memory_format=torch.channels_last),
        labels=torch.stack([crop.labels for crop in crops]).long(),
        attributes={
            name: torch.stack([crop.attributes.get(name, blank) for crop in crops]).long() for name in sorted(names)
        },
        objects={
            name: torch.from_numpy(np.stack([getattr(target, name) for target in targets]))
            for name in (entry.name for entry in fields(ObjectTargets))
            if targets
        },
    )
