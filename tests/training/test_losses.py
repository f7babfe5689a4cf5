from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from smalta.classes import ROOT, ClassTree
from smalta.training import losses
from smalta.training.losses import AttributeLoss, TreeLoss, balanced_weights
from trees import trees

# 1 sky  2 vehicle  3 vehicle/car  4 vehicle/lorry; leaves sky, car, lorry
STREET = ClassTree({"sky": {}, "vehicle": {"children": ["car", "lorry"]}})


def logits_of(*pixels: tuple[float, ...]) -> Tensor:
    """(1, L, 1, W) logits whose softmax is one column of probabilities per pixel."""
    return torch.tensor(pixels).log().T[None, :, None, :].clone()


def labels_of(*nodes: int) -> Tensor:
    return torch.tensor(nodes)[None, None, :]


def random_logits(tree: ClassTree, seed: int, scale: float = 3.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, tree.n_leaves, 3, 4, generator=generator)


SEEDS = st.integers(0, 2**32 - 1)


# -- cross-entropy ------------------------------------------------------------------------------------


def test_each_pixel_costs_minus_log_of_its_labelled_class_whatever_its_depth() -> None:
    logits = logits_of((0.2, 0.5, 0.3), (0.1, 0.6, 0.3), (0.7, 0.2, 0.1), (0.8, 0.1, 0.1))

    loss = TreeLoss(STREET)(logits, labels_of(3, 2, 1, ROOT))  # car, vehicle, sky, unlabelled

    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.9) + math.log(0.7)) / 3, rel=1e-5)


def test_class_weights_weigh_pixels_by_their_labelled_class() -> None:
    logits = logits_of((0.2, 0.5, 0.3), (0.1, 0.6, 0.3), (0.7, 0.2, 0.1), (0.8, 0.1, 0.1))
    #                   root sky vehicle car lorry
    weights = np.array([9.0, 1.0, 2.0, 4.0, 9.0])

    loss = TreeLoss(STREET, weights)(logits, labels_of(3, 2, 1, ROOT))

    assert loss.item() == pytest.approx(-(4 * math.log(0.5) + 2 * math.log(0.9) + 1 * math.log(0.7)) / 7, rel=1e-5)


def test_labels_of_leaves_alone_are_weighed_alike() -> None:
    logits = logits_of((0.2, 0.5, 0.3), (0.7, 0.2, 0.1), (0.8, 0.1, 0.1))
    weights = np.array([9.0, 1.0, 2.0, 4.0, 9.0])

    loss = TreeLoss(STREET, weights)(logits, labels_of(3, 1, ROOT))

    assert loss.item() == pytest.approx(-(4 * math.log(0.5) + 1 * math.log(0.7)) / 5, rel=1e-5)


@pytest.mark.parametrize(("nodes", "groups"), [((3, 1, ROOT), []), ((3, 2, 2), [(3, slice(1, 3))])])
def test_sums_over_children_are_made_for_parents_that_are_named_alone(
    nodes: tuple[int, ...], groups: list[tuple[int, slice]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(losses, "entropy_sum", lambda logits, *rest: made.append(rest[-1]) or logits.sum())

    TreeLoss(STREET)(logits_of((0.2, 0.5, 0.3), (0.7, 0.2, 0.1), (0.8, 0.1, 0.1)), labels_of(*nodes))

    assert made == [groups]  # channel 3 is that of the vehicles, whose leaves are cars and lorries


@given(tree=trees(), seed=SEEDS)
def test_leaf_labels_give_plain_cross_entropy(tree: ClassTree, seed: int) -> None:
    logits = random_logits(tree, seed)
    channels = torch.from_numpy(np.random.default_rng(seed).integers(0, tree.n_leaves, (2, 3, 4)))
    labels = torch.tensor(tree.leaves)[channels]

    torch.testing.assert_close(TreeLoss(tree)(logits, labels), F.cross_entropy(logits, channels))


@given(tree=trees(), seed=SEEDS)
def test_any_label_gives_minus_log_of_the_summed_softmax(tree: ClassTree, seed: int) -> None:
    logits = random_logits(tree, seed)
    labels = torch.from_numpy(np.random.default_rng(seed).integers(1, len(tree) + 1, (2, 3, 4)))
    members = torch.from_numpy(tree.leaf_matrix)[labels].movedim(-1, 1)  # (B, L, H, W)

    expected = -(logits.softmax(dim=1) * members).sum(dim=1).log().mean()

    torch.testing.assert_close(TreeLoss(tree)(logits, labels), expected)


@given(tree=trees(), seed=SEEDS)
def test_unlabelled_pixels_cost_nothing_and_move_nothing(tree: ClassTree, seed: int) -> None:
    logits = random_logits(tree, seed).requires_grad_()

    loss = TreeLoss(tree, dice=0.5)(logits, torch.zeros(2, 3, 4, dtype=torch.int64))
    loss.backward()

    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_an_unlabelled_pixel_changes_nothing_beside_labelled_ones() -> None:
    logits = logits_of((0.2, 0.5, 0.3), (0.7, 0.2, 0.1))

    alone = TreeLoss(STREET, dice=0.5)(logits[..., :1], labels_of(3))
    beside = TreeLoss(STREET, dice=0.5)(logits, labels_of(3, ROOT))

    torch.testing.assert_close(alone, beside)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 1e4, 1e30])
@given(tree=trees(), seed=SEEDS)
def test_logits_of_any_size_and_type_give_finite_losses_and_gradients(
    dtype: torch.dtype, scale: float, tree: ClassTree, seed: int
) -> None:
    logits = random_logits(tree, seed, scale).to(dtype).requires_grad_()
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, len(tree) + 1, (2, 3, 4)))

    loss = TreeLoss(tree, dice=0.5)(logits, labels)
    loss.backward()

    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_bf16_logits_lose_nothing_but_their_own_rounding() -> None:
    logits = random_logits(STREET, 7).to(torch.bfloat16)
    labels = torch.ones(2, 3, 4, dtype=torch.int64)

    assert TreeLoss(STREET)(logits, labels).item() == TreeLoss(STREET)(logits.float(), labels).item()


def test_logits_at_a_stride_are_raised_to_the_size_of_the_labels() -> None:
    coarse = random_logits(STREET, 3)
    labels = torch.from_numpy(np.random.default_rng(3).integers(0, 5, (2, 12, 16)))

    raised = F.interpolate(coarse, scale_factor=4, mode="bilinear", align_corners=False)

    torch.testing.assert_close(TreeLoss(STREET)(coarse, labels), TreeLoss(STREET)(raised, labels))


# -- Dice ---------------------------------------------------------------------------------------------


def test_dice_leaves_out_the_pixels_whose_label_stands_above_a_class() -> None:
    logits = logits_of((0.2, 0.5, 0.3), (0.1, 0.6, 0.3), (0.7, 0.2, 0.1), (0.0001, 0.0001, 0.9998))
    labels = labels_of(3, 2, 1, ROOT)  # car, vehicle, sky, unlabelled

    # sky:     hit 0.7,        predicted 0.2 + 0.1 + 0.7 = 1.0, present 1
    # vehicle: hit 0.8 + 0.9,  predicted 0.8 + 0.9 + 0.3 = 2.0, present 2
    # car:     hit 0.5,        predicted 0.5 + 0.2 = 0.7 (pixel 2 may be a car or not), present 1
    # lorry:   no pixel shows it
    sky, vehicle, car = (1.4 + 1) / (1 + 1 + 1), (3.4 + 1) / (2 + 2 + 1), (1.0 + 1) / (0.7 + 1 + 1)
    expected = 1 - (sky + vehicle + car) / 3

    assert TreeLoss(STREET, dice=1.0).dice_loss(logits, labels).item() == pytest.approx(expected, rel=1e-4)


def test_the_dice_term_is_added_with_its_weight() -> None:
    logits, labels = random_logits(STREET, 1), torch.full((2, 3, 4), 3)

    plain, loss = TreeLoss(STREET)(logits, labels), TreeLoss(STREET, dice=0.25)

    torch.testing.assert_close(loss(logits, labels), plain + 0.25 * loss.dice_loss(logits, labels))
    assert loss.dice_loss(logits, labels) > 0.05


def test_dice_reads_the_label_in_the_middle_of_each_place_of_a_coarse_map() -> None:
    logits = logits_of((0.7, 0.2, 0.1))
    labels = torch.tensor([[[3, 3], [3, 1]]])  # stride 2: the middle is the lower right pixel, sky

    assert TreeLoss(STREET).dice_loss(logits, labels).item() == pytest.approx(1 - (1.4 + 1) / (0.7 + 1 + 1), rel=1e-4)


def test_a_right_and_sure_answer_costs_almost_nothing() -> None:
    labels = torch.tensor([[[1, 3], [4, 2]]])
    right = torch.tensor([[0, 1], [2, 1]])
    logits = 30.0 * F.one_hot(right, 3).movedim(-1, 0)[None].float()

    assert TreeLoss(STREET, dice=1.0)(logits, labels).item() < 1e-5


# -- parts of a batch ---------------------------------------------------------------------------------


@given(tree=trees(), seed=SEEDS)
def test_the_gradients_of_the_parts_of_a_batch_add_up(tree: ClassTree, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.integers(0, len(tree) + 1, (3, 3, 4)) * (rng.random((3, 3, 4)) < 0.5))
    logits = torch.randn(3, tree.n_leaves, 3, 4, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    loss = TreeLoss(tree, rng.uniform(0.5, 2.0, len(tree) + 1))

    whole = torch.autograd.grad(loss(logits, labels), logits)[0]
    parts = sum(loss(logits[rows], labels[rows], labels) for rows in (slice(0, 2), slice(2, 3)))

    torch.testing.assert_close(torch.autograd.grad(parts, logits)[0], whole)


def test_in_a_part_the_dice_term_counts_by_the_number_of_pictures() -> None:
    logits = torch.cat([random_logits(STREET, 1), random_logits(STREET, 2)])
    labels = torch.full((4, 3, 4), 3)
    loss = TreeLoss(STREET, dice=1.0)

    share = loss(logits[:1], labels[:1], labels) - TreeLoss(STREET)(logits[:1], labels[:1], labels)

    torch.testing.assert_close(share, loss.dice_loss(logits[:1], labels[:1]) / 4)


# -- attributes ---------------------------------------------------------------------------------------

# 1 sky  2 vehicle  3 vehicle/car  4 vehicle/car/audi  5 vehicle/car/honda  6 vehicle/bike
ASKED = ClassTree(
    {
        "sky": {"attributes": {"weather": ["clear", "grey"]}},
        "vehicle": {
            "children": {
                "car": {"children": ["audi", "honda"], "attributes": {"body": ["passenger", "lorry", "bus"]}},
                "bike": {},
            }
        },
    }
)
#                 weather clear grey, body passenger lorry bus
VALUES = logits_of((0.5, 0.5, 0.2, 0.7, 0.1))


@pytest.mark.parametrize(
    ("node", "counts"), [(ROOT, True), (1, False), (2, True), (3, True), (4, True), (5, True), (6, False)]
)
def test_a_labelled_attribute_counts_unless_its_class_is_ruled_out(node: int, counts: bool) -> None:
    loss = AttributeLoss(ASKED)(VALUES, {"body": labels_of(2)}, labels_of(node))

    assert loss.item() == pytest.approx(-math.log(0.7) if counts else 0.0, rel=1e-5)


def test_attributes_are_averaged_over_pixels_then_over_the_questions_that_are_answered() -> None:
    logits = VALUES.repeat(1, 1, 1, 3)
    values = {"body": labels_of(1, 2, 0), "weather": labels_of(0, 0, 1)}

    loss = AttributeLoss(ASKED)(logits, values, labels_of(3, 4, 1))

    body = -(math.log(0.2) + math.log(0.7)) / 2
    assert loss.item() == pytest.approx((body - math.log(0.5)) / 2, rel=1e-5)


@pytest.mark.parametrize("values", [{}, {"body": labels_of(0)}])
def test_without_an_answer_attributes_cost_nothing_and_move_nothing(values: dict[str, Tensor]) -> None:
    logits = VALUES.clone().requires_grad_()

    loss = AttributeLoss(ASKED)(logits, values, labels_of(3))
    loss.backward()

    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_only_the_channels_of_the_question_are_moved() -> None:
    logits = VALUES.clone().requires_grad_()

    AttributeLoss(ASKED)(logits, {"body": labels_of(2)}, labels_of(3)).backward()

    assert logits.grad is not None
    assert not logits.grad[:, :2].any()
    torch.testing.assert_close(logits.grad[0, 2:].ravel(), torch.tensor([0.2, 0.7 - 1, 0.1]))


def test_attribute_logits_at_a_stride_meet_the_labels_in_the_middle() -> None:
    body = torch.tensor([[[1, 1], [1, 2]]])

    loss = AttributeLoss(ASKED)(VALUES, {"body": body}, torch.full((1, 2, 2), 3))

    assert loss.item() == pytest.approx(-math.log(0.7), rel=1e-5)


def test_the_attribute_losses_of_the_parts_of_a_batch_add_up() -> None:
    logits = torch.randn(3, 5, 2, 2, generator=torch.Generator().manual_seed(5)).requires_grad_()
    values = {"body": torch.tensor([1, 2, 3])[:, None, None] * torch.tensor([[[1, 0], [1, 1]]])}
    values["weather"] = torch.tensor([0, 1, 0])[:, None, None].expand(3, 2, 2)
    labels = torch.tensor([3, 0, 4])[:, None, None].expand(3, 2, 2)
    loss = AttributeLoss(ASKED)

    whole = torch.autograd.grad(loss(logits, values, labels), logits)[0]
    parts = sum(
        loss(logits[rows], {name: value[rows] for name, value in values.items()}, labels[rows], (values, labels))
        for rows in (slice(0, 1), slice(1, 3))
    )

    torch.testing.assert_close(torch.autograd.grad(parts, logits)[0], whole)


# -- class weights ------------------------------------------------------------------------------------


def test_weights_fall_with_the_square_root_of_the_share() -> None:
    weights = balanced_weights(ClassTree(["a", "b", "c"]), np.array([0.0, 0.8, 0.2, 0.0]))

    # raw weights 1 and 2; over the pixels they average 0.8 * 1 + 0.2 * 2 = 1.2
    np.testing.assert_allclose(weights, [1.0, 1 / 1.2, 2 / 1.2, 1.0])


def test_a_very_rare_class_weighs_at_most_ten_times_the_commonest() -> None:
    weights = balanced_weights(ClassTree(["a", "b"]), np.array([0.0, 1 - 1e-6, 1e-6]))

    assert weights[2] / weights[1] == pytest.approx(10)


def test_without_a_labelled_pixel_all_weights_are_one() -> None:
    assert balanced_weights(ClassTree(["a", "b"]), np.array([0.0, 0.0, 0.0])).tolist() == [1, 1, 1]
    assert balanced_weights(ClassTree(["a", "b"]), np.array([1.0, 0.0, 0.0])).tolist() == [1, 1, 1]


def test_coarse_labels_do_not_change_how_classes_weigh_against_each_other() -> None:
    #                           root  sky  vehicle  car   lorry
    all_leaves = np.array([0.0, 0.5, 0.0, 0.4, 0.1])
    mostly_coarse = np.array([0.0, 0.5, 0.45, 0.04, 0.01])

    full, coarse = balanced_weights(STREET, all_leaves), balanced_weights(STREET, mostly_coarse)

    # sqrt(0.5 / 0.4) and sqrt(0.5 / 0.1) against sky, however few cars and lorries are labelled as such
    np.testing.assert_allclose(full[[3, 4]] / full[1], [1.25**0.5, 5**0.5])
    np.testing.assert_allclose(coarse[[3, 4]] / coarse[1], [1.25**0.5, 5**0.5])
    assert coarse[2] / coarse[1] == pytest.approx(1.0)  # half of the pixels are vehicles, half are sky


@given(pixels=st.lists(st.integers(0, 10**6), min_size=2, max_size=9).filter(any))
def test_weights_average_one_over_the_labelled_pixels(pixels: list[int]) -> None:
    shares = np.array([0, *pixels]) / sum(pixels)

    weights = balanced_weights(ClassTree([f"n{k}" for k in range(len(pixels))]), shares)

    assert (weights * shares).sum() == pytest.approx(1)
    assert (weights > 0).all()


def test_with_very_many_leaves_the_label_at_the_middle_of_a_place_speaks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(losses, "MOST_AT_FULL_SIZE", 2)
    tree = ClassTree(["sky", "road", "car"])
    labels = torch.tensor(
        [[[1, 1, 1, 3], [1, 1, 1, 3], [1, 1, 1, 3], [3, 3, 3, 3]]]
    )  # middles at rows and columns 1 and 3
    logits = torch.zeros(1, 3, 2, 2)
    logits[0, 0, 0, 0] = logits[0, 2, 0, 1] = logits[0, 2, 1, 0] = logits[0, 2, 1, 1] = 30.0

    assert TreeLoss(tree)(logits, labels) < 1e-6
    monkeypatch.setattr(losses, "MOST_AT_FULL_SIZE", 3)
    assert TreeLoss(tree)(logits, labels) > 0.1
