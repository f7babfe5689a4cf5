"""Objects made in parts on the disk are those that are made of the whole fields."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smalta.answers.grouping import GroupingRule, group
from smalta.answers.objects import Objects
from smalta.classes import ClassTree
from smalta.inference import field_store, peaks_in_windows
from smalta.inference.field_store import FieldStore

TREE = ClassTree(
    {
        "lawn": {},
        "ball": {"kind": "thing", "children": ["red", "green"], "attributes": {"lit": ["yes", "no"]}},
        "sky": {},
    }
)
Fields = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands and windows so small that a small picture has many."""
    monkeypatch.setattr(field_store, "ROWS", 8)
    monkeypatch.setattr(peaks_in_windows, "BAND", 8)
    monkeypatch.setattr(peaks_in_windows, "MARGIN", 3)


def random_fields(size_hw: tuple[int, int], stride: int, seed: int) -> Fields:
    """Fields without sense: few peaks and many, flat tops, offsets that lead anywhere."""
    draw = np.random.default_rng(seed)
    height, width = size_hw
    cells = (-(-height // stride), -(-width // stride))
    semantic = draw.dirichlet([0.5] * 4, size_hw).astype(np.float32).transpose(2, 0, 1)
    steps = draw.integers(1, 9)
    center = np.round(draw.random(cells) ** draw.integers(1, 40) * steps) / steps
    center[draw.integers(0, cells[0]) :, : draw.integers(1, cells[1] + 1)] = 0.75  # a flat top that may be large
    offsets = draw.normal(0, draw.choice([1, 10, 100]), (2, *cells))
    lit = draw.dirichlet([1, 1], size_hw).transpose(2, 0, 1)
    return {
        "semantic": semantic,
        "attribute:lit": lit.astype(np.float32),
        "center": center[None].astype(np.float32),
        "offsets": offsets.astype(np.float32),
    }


def in_parts(fields: Fields, stride: int, cuts_y: list[int], cuts_x: list[int]) -> Iterator[tuple[Fields, int, int]]:
    """The fields cut at these cells."""
    cells = fields["center"].shape[1:]
    ys, xs = (
        sorted({0, *(c % cells[0] for c in cuts_y), cells[0]}),
        sorted({0, *(c % cells[1] for c in cuts_x), cells[1]}),
    )
    for top, bottom in itertools.pairwise(ys):
        for left, right in itertools.pairwise(xs):
            part = {}
            for name, field in fields.items():
                scale = 1 if name in ("center", "offsets") else stride
                part[name] = field[:, top * scale : bottom * scale, left * scale : right * scale]
            yield part, top * stride, left * stride


def of_the_whole(fields: Fields, rule: GroupingRule) -> Objects:
    thing = fields["semantic"][1:3].sum(axis=0)
    instances, scores = group(thing, fields["center"][0], fields["offsets"], rule)
    lit = {"lit": fields["attribute:lit"]}
    return Objects.from_instances(TREE, instances, fields["semantic"], scores, attributes=lit)


def assert_same(store: FieldStore, expected: Objects) -> None:
    found = store.objects()
    instances = np.concatenate(list(store.instances()))

    np.testing.assert_array_equal(instances, expected.instances)
    np.testing.assert_array_equal(found.areas, expected.areas)
    np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)
    np.testing.assert_allclose(found.centroids_yx, expected.centroids_yx, atol=1e-6)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(found.attributes["lit"], expected.attributes["lit"], atol=1e-5)
    np.testing.assert_array_equal(found.classes, expected.classes)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(1, 120), st.integers(1, 120)),
    stride=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 2**32 - 1),
    cuts_y=st.lists(st.integers(0, 200), max_size=4),
    cuts_x=st.lists(st.integers(0, 200), max_size=4),
    rule=st.sampled_from(
        [
            GroupingRule(),
            GroupingRule(min_thing=0.3, min_center=0.05, min_score=0.05, min_area=3),
            GroupingRule(min_center=0.02, smoothing=4.0),
            GroupingRule(min_thing=0.1, min_center=0.02, smoothing=1.5, ridge=0.5),
        ]
    ),
)
def test_the_objects_are_the_same_whatever_the_parts(
    size: tuple[int, int],
    stride: int,
    seed: int,
    cuts_y: list[int],
    cuts_x: list[int],
    rule: GroupingRule,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    fields = random_fields(size, stride, seed)
    store = FieldStore(tmp_path_factory.mktemp("store"), TREE, rule, size, stride)

    for part in in_parts(fields, stride, cuts_y, cuts_x):
        store.add(*part)

    assert_same(store, of_the_whole(fields, rule))


def test_cells_equally_far_from_the_middle_of_a_flat_top_are_chosen_alike_in_every_window(tmp_path: Path) -> None:
    fields = random_fields((113, 102), 1, 118)  # once chosen by how sums of row numbers were rounded
    store = FieldStore(tmp_path, TREE, GroupingRule(), (113, 102), 1)
    store.add(fields, 0, 0)

    assert_same(store, of_the_whole(fields, GroupingRule()))


def test_a_peak_far_away_is_found_and_a_flat_top_across_many_bands_is_one_object(tmp_path: Path) -> None:
    size, stride = (240, 60), 2
    semantic = np.zeros((4, *size), np.float32)
    semantic[1] = 1  # all is red ball
    center = np.zeros((1, 120, 30), np.float32)
    center[0, 20:100, 15] = 0.9  # one top over ten bands
    fields = {"semantic": semantic, "attribute:lit": np.ones((2, *size), np.float32) / 2, "center": center}
    fields["offsets"] = np.zeros((2, 120, 30), np.float32)
    store = FieldStore(tmp_path, TREE, GroupingRule(), size, stride)
    for part in in_parts(fields, stride, [50], []):
        store.add(*part)

    expected = of_the_whole(fields, GroupingRule())

    assert len(expected) == 1
    assert_same(store, expected)


def test_without_a_peak_there_is_no_object(tmp_path: Path) -> None:
    fields = random_fields((20, 30), 4, 0)
    fields["center"][:] = 0
    store = FieldStore(tmp_path, TREE, GroupingRule(), (20, 30), 4)
    store.add(fields, 0, 0)

    assert len(store.objects()) == 0
    assert not np.concatenate(list(store.instances())).any()
