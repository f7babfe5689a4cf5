from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smalta.classes import ClassTree
from smalta.data.sample import Entry, Sample
from smalta.errors import DataError
from smalta.training.augment import AugmentConfig
from smalta.training.batches import Batch, Batches, SampleCache

TREE = ClassTree({"ground": {}, "car": {"attributes": {"lit": ["on", "off"]}}})
STILL = AugmentConfig(
    scale=(1.0, 1.0), stretch=1.0, flip=0.0, aimed=0.0, brightness=0.0, contrast=0.0, saturation=0.0, grey=0.0
)


class PlainPictures:
    """Stands in for a data set: picture number k is plain, with the brightness k; odd ones have an attribute."""

    tree = TREE

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.entries = [Entry(name=str(k), picture=Path(f"{k}.png"), key=k) for k in range(count)]
        self.broken = broken
        self.reads: Counter[int] = Counter()

    def read(self, entry: Entry) -> Sample:
        if entry.key == self.broken:
            raise DataError(f"{entry.picture} is truncated")
        self.reads[entry.key] += 1
        classes = np.ones((32, 32), np.uint16)
        lit = {"lit": np.full((32, 32), 2, np.uint8)} if entry.key % 2 else {}
        picture = np.full((32, 32, 3), entry.key, np.uint8)
        return Sample(name=entry.name, picture=picture, classes=classes, attributes=lit)


def batches_of(dataset: PlainPictures, *, batch: int = 2, seed: int = 0, **told: Any) -> Batches:
    weights = told.pop("weights", np.ones(len(dataset.entries)))
    size_hw = told.pop("size_hw", (32, 32))
    options = {"config": STILL, "cache_bytes": 2**20, **told}
    return Batches(dataset, dataset.entries, weights, size_hw, batch=batch, seed=seed, **options)  # type: ignore[arg-type]


def numbers(batches: Batches, steps: range) -> list[list[int]]:
    """Which pictures the batches of some steps hold."""
    source = batches.start(steps[0])
    found = [next(source).pictures[:, 0, 0, 0].tolist() for _ in steps]
    batches.close()
    return found


def test_a_batch_stacks_crops() -> None:
    batches = batches_of(PlainPictures(4), batch=3)

    batch = next(batches.start(0))
    batches.close()

    assert (batch.pictures.shape, batch.pictures.dtype) == ((3, 3, 32, 32), torch.uint8)
    assert batch.pictures.is_contiguous(memory_format=torch.channels_last)
    assert (batch.labels.shape, batch.labels.dtype) == ((3, 32, 32), torch.int64)
    assert batch.attributes["lit"].dtype == torch.int64
    for picture, lit in zip(batch.pictures[:, 0, 0, 0].tolist(), batch.attributes["lit"], strict=True):
        assert (lit == (2 if picture % 2 else 0)).all()  # a crop without the attribute says nothing


def test_every_picture_is_drawn_once_before_any_is_drawn_again() -> None:
    drawn = [k for batch in numbers(batches_of(PlainPictures(6)), range(9)) for k in batch]

    assert sorted(drawn[:6]) == sorted(drawn[6:12]) == sorted(drawn[12:]) == list(range(6))
    assert drawn[:6] != drawn[6:12]  # each pass has an order of its own


def test_batches_depend_on_seed_and_step_alone() -> None:
    config = AugmentConfig(upside_down=True)

    def batch_at(step: int, start: int, seed: int = 3, ahead: int = 0) -> Batch:
        batches = batches_of(PlainPictures(5), seed=seed, config=config, ahead=ahead)
        source = batches.start(start)
        for _ in range(step - start):
            next(source)
        found = next(source)
        batches.close()
        return found

    expected = batch_at(4, start=0)

    for other in (batch_at(4, start=4), batch_at(4, start=2, ahead=3)):
        assert torch.equal(other.pictures, expected.pictures)
        assert torch.equal(other.labels, expected.labels)
    assert not torch.equal(batch_at(4, start=4, seed=4).pictures, expected.pictures)


def test_crops_are_as_large_as_their_step_says_however_far_ahead_they_are_made() -> None:
    def sizes(start: int, ahead: int) -> list[tuple[int, ...]]:
        batches = batches_of(
            PlainPictures(5), size_hw=(128, 64), ahead=ahead, share=lambda step: min(0.5 + step / 8, 1.0)
        )
        source = batches.start(start)
        found = [tuple(next(source).labels.shape[1:]) for _ in range(start, 5)]
        batches.close()
        return found

    expected = [(64, 32), (64, 32), (96, 32), (128, 64), (128, 64)]  # of 128 and 64 px, in whole places of 32
    assert sizes(0, ahead=0) == sizes(0, ahead=3) == expected
    assert sizes(2, ahead=3) == expected[2:]


def test_weights_say_how_often_a_picture_is_drawn() -> None:
    drawn = Counter(
        k
        for batch in numbers(batches_of(PlainPictures(4), weights=np.array([2.0, 1, 0.5, 0.5])), range(40))
        for k in batch
    )

    assert sum(drawn.values()) == 80
    assert [drawn[k] for k in range(4)] == pytest.approx([40, 20, 10, 10], abs=4)


def test_pictures_are_read_once_where_the_memory_suffices() -> None:
    dataset = PlainPictures(4)

    numbers(batches_of(dataset), range(10))

    assert dataset.reads == dict.fromkeys(range(4), 1)


def test_what_the_memory_does_not_hold_is_read_each_time() -> None:
    dataset = PlainPictures(3)
    one = 32 * 32 * (3 + 2)  # picture and classes; the odd one has an attribute more
    cache = SampleCache(dataset, one + 10)  # type: ignore[arg-type]

    for _ in range(3):
        for entry in dataset.entries:
            assert cache.read(entry).name == entry.name

    assert dataset.reads == {0: 1, 1: 3, 2: 3}


def test_a_picture_that_cannot_be_read_is_an_error_when_its_turn_comes() -> None:
    with pytest.raises(DataError, match=r"2\.png is truncated"):
        numbers(batches_of(PlainPictures(4, broken=2)), range(2))


@pytest.mark.parametrize(("count", "sizes"), [(1, [5]), (2, [3, 2]), (5, [1] * 5), (8, [1] * 5)])
def test_a_batch_is_cut_into_parts_of_nearly_equal_size(count: int, sizes: list[int]) -> None:
    rows = torch.arange(5)
    batch = Batch(
        pictures=rows.view(5, 1, 1, 1).expand(5, 3, 2, 2),
        labels=rows.view(5, 1, 1).expand(5, 2, 2),
        attributes={"lit": rows.view(5, 1, 1).expand(5, 2, 2)},
        objects={"center": rows.view(5, 1, 1).expand(5, 1, 1)},
    )

    parts = list(batch.chunks(count))

    assert [len(part.labels) for part in parts] == sizes
    for name in ("pictures", "labels"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    assert torch.equal(torch.cat([part.attributes["lit"] for part in parts]), batch.attributes["lit"])
    assert torch.equal(torch.cat([part.objects["center"] for part in parts]), batch.objects["center"])
