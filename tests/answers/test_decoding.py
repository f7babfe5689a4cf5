from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smalta.answers.decoding import Decoding, decode, node_probabilities
from smalta.classes import ROOT, ClassTree
from smalta.errors import ShapeError, SmaltaError
from trees import trees


def pixel(*leaves: float) -> np.ndarray:
    """Leaf probabilities of one pixel, (L, 1, 1)."""
    return np.array(leaves, np.float32).reshape(-1, 1, 1)


def test_top_down_takes_the_best_child_inside_the_best_parent(street: ClassTree) -> None:
    #           sky   audi  honda lorry person     vehicle 0.55 > sky 0.40; car 0.30 > lorry 0.25; honda > audi
    p = pixel(0.40, 0.12, 0.18, 0.25, 0.05)

    assert decode(street, p).item() == 5
    assert decode(street, p, Decoding(method="leaf")).item() == 1
    assert decode(street, p).dtype == np.uint16


def test_a_level_stops_the_way_down(street: ClassTree) -> None:
    p = pixel(0.40, 0.12, 0.18, 0.25, 0.05)

    assert [decode(street, p, Decoding(level=k)).item() for k in (1, 2, 3)] == [2, 3, 5]
    assert [decode(street, p, Decoding(method="leaf", level=k)).item() for k in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(("t", "node"), [(0.0, 5), (0.18, 5), (0.25, 3), (0.31, 2), (0.5, 2), (0.6, 0), (1.0, 0)])
def test_an_unsure_pixel_stops_at_the_deepest_node_that_is_sure_enough(street: ClassTree, t: float, node: int) -> None:
    #           honda 0.18 < car 0.30 < vehicle 0.55
    p = np.array([0.40, 0.12, 0.18, 0.25, 0.05]).reshape(-1, 1, 1)

    assert decode(street, p, Decoding(min_confidence=t)).item() == node


def test_confidence_and_level_work_together(street: ClassTree) -> None:
    p = pixel(0.40, 0.12, 0.18, 0.25, 0.05)

    assert decode(street, p, Decoding(min_confidence=0.1, level=2)).item() == 3
    assert decode(street, p, Decoding(min_confidence=0.5, level=2)).item() == 2
    assert decode(street, p, Decoding(min_confidence=0.3, method="leaf")).item() == 1


def test_a_threshold_decides_between_two_leaves_from_its_value_on() -> None:
    tree = ClassTree(["ground", "crack"])
    p = np.array([[[0.75, 0.7, 0.4]], [[0.25, 0.3, 0.6]]])

    assert decode(tree, p).tolist() == [[1, 1, 2]]
    assert decode(tree, p, Decoding(threshold=0.3)).tolist() == [[1, 2, 2]]
    assert decode(tree, p, Decoding(threshold=0.9)).tolist() == [[1, 1, 1]]


def test_equal_probabilities_give_the_first_class(street: ClassTree) -> None:
    assert decode(ClassTree(["a", "b", "c"]), pixel(0.2, 0.4, 0.4)).item() == 2
    assert decode(ClassTree(["a", "b"]), pixel(0.5, 0.5)).item() == 1


def test_the_probability_of_a_node_sums_over_its_leaves(street: ClassTree) -> None:
    p = pixel(0.40, 0.12, 0.18, 0.25, 0.05)

    np.testing.assert_allclose(node_probabilities(street, p, [2, 3, 7]).ravel(), [0.55, 0.30, 0.05], rtol=1e-6)
    assert node_probabilities(street, p.astype(np.float16), [2]).dtype == np.float16


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"min_confidence": 1.5}, r"min_confidence must be in \[0, 1\], got 1.5"),
        ({"min_confidence": float("nan")}, r"min_confidence must be in \[0, 1\], got nan"),
        ({"threshold": -0.1}, r"threshold must be in \[0, 1\], got -0.1"),
        ({"level": 4}, "level must be in 1..3"),
        ({"method": "best"}, "method must be 'top-down' or 'leaf', got 'best'"),
    ],
)
def test_a_way_to_decode_that_there_is_not_is_refused(
    street: ClassTree, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SmaltaError, match=sentence):
        decode(street, pixel(0.2, 0.2, 0.2, 0.2, 0.2), Decoding(**arguments))


def test_probabilities_of_another_number_of_classes_are_refused(street: ClassTree) -> None:
    with pytest.raises(ShapeError, match="the tree has 5 leaves, but there are 2 channels"):
        decode(street, pixel(0.5, 0.5))


def probabilities_of(tree: ClassTree) -> st.SearchStrategy[np.ndarray]:
    logits = hnp.arrays(np.float64, (tree.n_leaves, 2, 3), elements=st.floats(-6, 6))
    return logits.map(lambda z: np.exp(z) / np.exp(z).sum(axis=0))


@given(data=st.data(), tree=trees())
def test_the_probability_of_a_parent_is_the_sum_of_its_children(data: st.DataObject, tree: ClassTree) -> None:
    p = data.draw(probabilities_of(tree))

    for node in (ROOT, *tree.inner):
        children = node_probabilities(tree, p, tree.children(node)).sum(axis=0)
        np.testing.assert_allclose(children, node_probabilities(tree, p, [node])[0], rtol=1e-9)


@given(data=st.data(), tree=trees(), t=st.floats(0, 1), method=st.sampled_from(["top-down", "leaf"]))
def test_confidence_only_moves_an_answer_up_its_own_line(
    data: st.DataObject, tree: ClassTree, t: float, method: Any
) -> None:
    p = data.draw(probabilities_of(tree))

    free = decode(tree, p, Decoding(method=method))
    held = decode(tree, p, Decoding(method=method, min_confidence=t))

    for y, x in np.ndindex(free.shape):
        way = [int(free[y, x]), *tree.ancestors(int(free[y, x])), ROOT]
        assert held[y, x] in way
        if held[y, x] != ROOT:
            assert node_probabilities(tree, p, [held[y, x]])[0, y, x] >= t
        deeper = way[: way.index(held[y, x])] if t > 0 else []
        assert all(node_probabilities(tree, p, [node])[0, y, x] < t for node in deeper)


@given(data=st.data(), tree=trees())
def test_top_down_never_leaves_the_best_branch(data: st.DataObject, tree: ClassTree) -> None:
    p = data.draw(probabilities_of(tree))

    answer = decode(tree, p)

    for y, x in np.ndindex(answer.shape):
        way = [ROOT, *reversed(tree.ancestors(int(answer[y, x]))), int(answer[y, x])]
        for parent, child in pairwise(way):
            siblings = node_probabilities(tree, p, tree.children(parent))[:, y, x]
            own = node_probabilities(tree, p, [child])[0, y, x]
            assert own >= siblings.max() * (1 - 1e-12)  # sums of the same leaves may round apart
