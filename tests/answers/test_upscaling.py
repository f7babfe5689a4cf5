"""From coarse maps to fields and class maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.answers.decoding import Decoding, decode
from smalta.answers.upscaling import class_map, fields_of, upscale
from smalta.classes import ClassTree

FLAT = ClassTree(["lawn", "path", "tree"])
DEEP = ClassTree({"lawn": {}, "car": {"children": ["audi", "honda"]}})
TWO = ClassTree(["ground", "crack"])


def test_upscaling_is_linear_between_the_middles_of_places() -> None:
    raised = upscale(np.float32([[[0, 1]]]), (1, 4), 2)

    # the middles of the places are at 1 and 3, those of the pixels at 0.5, 1.5, 2.5, 3.5
    np.testing.assert_array_equal(raised, [[[0, 0.25, 0.75, 1]]])


def test_what_lies_beyond_the_picture_is_cut_after_it_was_used() -> None:
    np.testing.assert_array_equal(upscale(np.float32([[[0, 1], [0, 1]]]), (1, 3), 2), [[[0, 0.25, 0.75]]])


@pytest.mark.parametrize("shape", [(1, 16_376), (16_376, 1)])
def test_upscaling_takes_very_long_pictures(shape: tuple[int, int]) -> None:
    maps = np.zeros((1, *shape), np.float32)
    maps[0, -1, -1] = 1

    raised = upscale(maps, (shape[0] * 4, shape[1] * 4), 4)

    assert raised.shape == (1, shape[0] * 4, shape[1] * 4)
    assert raised[0, -1, -1] == 1


def test_fields_are_probabilities_at_full_size_and_objects_at_the_stride() -> None:
    tree = ClassTree(
        {"lawn": {}, "car": {"kind": "thing", "attributes": {"lit": ["yes", "no"], "wet": ["a", "b", "c"]}}}
    )
    logits = np.log(np.float32([0.2, 0.8]))[:, None, None] * np.ones((1, 8, 8), np.float32)
    values = np.log(np.float32([0.5, 0.5, 0.7, 0.2, 0.1]))[:, None, None] * np.ones((1, 8, 8), np.float32)
    center, offsets = np.ones((1, 8, 8), np.float32), np.ones((2, 8, 8), np.float32)
    maps = {"logits": logits, "attribute_logits": values, "center": center, "offsets": offsets}

    fields = fields_of(maps, tree.attributes, (13, 9), 4)

    assert {name: field.shape for name, field in fields.items()} == {
        "semantic": (2, 13, 9),
        "attribute:lit": (2, 13, 9),
        "attribute:wet": (3, 13, 9),
        "center": (1, 4, 3),
        "offsets": (2, 4, 3),
    }
    np.testing.assert_allclose(fields["semantic"][:, 5, 5], [0.2, 0.8], rtol=1e-5)
    np.testing.assert_allclose(fields["attribute:wet"][:, 12, 8], [0.7, 0.2, 0.1], rtol=1e-5)


def test_huge_logits_give_probabilities() -> None:
    logits = np.float32([1e4, -1e4, 1e4])[:, None, None] * np.ones((1, 2, 2), np.float32)

    fields = fields_of({"logits": logits}, (), (2, 2), 1)

    np.testing.assert_allclose(fields["semantic"][:, 0, 0], [0.5, 0, 0.5])


@given(
    seed=st.integers(0, 2**32 - 1),
    tree=st.sampled_from([FLAT, DEEP, TWO]),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    stride=st.sampled_from([1, 2, 4]),
    decoding=st.builds(
        Decoding,
        method=st.sampled_from(["top-down", "leaf"]),
        level=st.sampled_from([None, 1]),
        min_confidence=st.sampled_from([0.0, 0.0, 0.4]),
        threshold=st.sampled_from([None, 0.1, 0.7]),
    ),
)
def test_the_class_map_is_that_of_the_probabilities(
    seed: int, tree: ClassTree, size: tuple[int, int], stride: int, decoding: Decoding
) -> None:
    shape = (tree.n_leaves, -(-size[0] // stride), -(-size[1] // stride))
    logits = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    probabilities = fields_of({"logits": logits}, (), size, stride)["semantic"]

    found = class_map(tree, logits, size, stride, decoding)

    expected = decode(tree, probabilities, decoding)
    assert (found.shape, found.dtype) == (size, np.uint16)
    # where two classes are equally likely up to rounding, either is right
    first, second = np.sort(probabilities, axis=0)[[-1, -2]]
    sure = first - second > 1e-5
    if tree is TWO and decoding.threshold is not None:
        sure = abs(probabilities[1] - decoding.threshold) > 1e-5
    if tree is DEEP:
        sure &= abs(probabilities[0] - 0.5) > 1e-5
        sure &= abs(probabilities[1] - probabilities[2]) > 1e-5
    np.testing.assert_array_equal(found[sure], expected[sure])


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 2), (1.0, 1)])
def test_the_ends_of_the_threshold_answer_one_class(threshold: float, expected: int) -> None:
    logits = np.float32([3, -3])[:, None, None] * np.ones((1, 2, 2), np.float32)

    assert (class_map(TWO, logits, (2, 2), 1, Decoding(threshold=threshold)) == expected).all()
