import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from smalta.classes import ROOT, ClassTree
from smalta.training.pseudo_labels import deepen, readable_nodes
from trees import trees

# 1 sky  2 vehicle  3 vehicle/car  4 vehicle/car/audi  5 vehicle/car/honda  6 vehicle/lorry
TREE = ClassTree({"sky": {}, "vehicle": {"children": {"car": {"children": ["audi", "honda"]}, "lorry": {}}}})
SKY, VEHICLE, CAR, AUDI, HONDA, LORRY = range(1, 7)


def one_pixel(label: int, *probabilities: float) -> int:
    """The pseudo-label of a pixel; probabilities of sky, audi, honda and lorry."""
    logits = torch.tensor(probabilities).log().view(1, 4, 1, 1)
    return int(deepen(torch.full((1, 1, 1), label), logits, TREE, (VEHICLE, CAR)))


def test_a_parent_is_read_as_the_child_that_it_surely_is_whatever_the_other_branches_say() -> None:
    # inside vehicle: lorry 0.095 of 0.1 although sky has 0.9 of all
    assert one_pixel(VEHICLE, 0.9, 0.0025, 0.0025, 0.095) == LORRY


def test_a_label_goes_down_as_far_as_it_is_sure() -> None:
    assert one_pixel(VEHICLE, 0.01, 0.95, 0.01, 0.03) == AUDI
    assert one_pixel(VEHICLE, 0.01, 0.50, 0.46, 0.03) == CAR
    assert one_pixel(VEHICLE, 0.01, 0.30, 0.30, 0.39) == VEHICLE


def test_leaves_and_unlabelled_pixels_stay() -> None:
    assert one_pixel(SKY, 0.01, 0.97, 0.01, 0.01) == SKY
    assert one_pixel(HONDA, 0.01, 0.97, 0.01, 0.01) == HONDA
    assert one_pixel(ROOT, 0.01, 0.97, 0.01, 0.01) == ROOT


def test_a_parent_with_a_child_that_no_label_names_is_not_read() -> None:
    #                      root sky  veh  car audi honda lorry
    assert readable_nodes(TREE, np.array([0, 0.4, 0.3, 0, 0.1, 0.1, 0.1])) == (VEHICLE, CAR)
    assert readable_nodes(TREE, np.array([0, 0.5, 0.3, 0.1, 0, 0, 0.1])) == (VEHICLE,)
    assert readable_nodes(TREE, np.array([0, 0.6, 0.3, 0, 0.1, 0, 0])) == ()


@given(tree=trees(), seed=st.integers(0, 2**32 - 1))
def test_a_pseudo_label_never_contradicts_the_label(tree: ClassTree, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, len(tree) + 1, (2, 3, 4), generator=generator)
    logits = 5 * torch.randn(2, tree.n_leaves, 3, 4, generator=generator)

    deeper = deepen(labels, logits, tree, tree.inner)

    for before, after in zip(labels.flatten().tolist(), deeper.flatten().tolist(), strict=True):
        assert after == before or (before != ROOT and after in tree.descendants(before))
