from __future__ import annotations

import torch
from torch import Tensor

from smalta.training.object_losses import center_loss, offset_loss


def object_loss(fields: dict[str, Tensor], targets: dict[str, Tensor], whole: dict[str, Tensor]) -> Tensor:
    return center_loss(fields["center"], targets, whole) + offset_loss(fields["offsets"], targets, whole)


def targets(center: list[list[float]], offset: float = 0.0, weight: float = 0.5) -> dict[str, Tensor]:
    heat = torch.tensor([center])
    return {
        "center": heat,
        "offsets": torch.full((1, 2, *heat.shape[1:]), offset),
        "weights": torch.full_like(heat, weight),
    }


def answers(logit: list[list[float]], offset: float = 0.0) -> dict[str, Tensor]:
    center = torch.tensor([[logit]])
    return {"center": center, "offsets": torch.full((1, 2, *center.shape[2:]), offset)}


def test_the_right_answer_costs_nothing() -> None:
    wanted = targets([[1.0, 0.0]])

    assert object_loss(answers([[30.0, -30.0]]), wanted, wanted) < 1e-6
    assert object_loss(answers([[0.0, 0.0]]), wanted, wanted) > 0.1


def test_a_soft_target_is_met_by_its_own_value() -> None:
    wanted = targets([[0.3]])
    logit = torch.logit(torch.tensor(0.3)).item()

    assert object_loss(answers([[logit]]), wanted, wanted) < 1e-6


def test_unknown_cells_do_not_count() -> None:
    wanted = targets([[1.0, -1.0]])

    assert object_loss(answers([[30.0, 30.0]]), wanted, wanted) < 1e-6


def test_offsets_are_measured_against_the_size_of_the_object() -> None:
    small, large = targets([[1.0]], weight=1 / 4), targets([[1.0]], weight=1 / 16)  # 16 and 256 pixels
    wrong = answers([[30.0]], offset=2.0)  # 2 pixels in both directions

    assert object_loss(wrong, small, small).item() == 4 / 4
    assert object_loss(wrong, large, large).item() == 4 / 16


def test_the_shares_of_two_parts_add_up() -> None:
    torch.manual_seed(0)
    fields = {"center": torch.randn(2, 1, 3, 4), "offsets": torch.randn(2, 2, 3, 4)}
    wanted = {"center": torch.rand(2, 3, 4), "offsets": torch.randn(2, 2, 3, 4), "weights": torch.rand(2, 3, 4)}

    def share(rows: slice) -> Tensor:
        part = {name: values[rows] for name, values in fields.items()}
        return object_loss(part, {name: values[rows] for name, values in wanted.items()}, wanted)

    torch.testing.assert_close(share(slice(0, 1)) + share(slice(1, 2)), object_loss(fields, wanted, wanted))


def test_nothing_known_gives_a_loss_of_nothing() -> None:
    wanted = targets([[-1.0, -1.0]], weight=0.0)
    fields = {name: values.requires_grad_() for name, values in answers([[3.0, -3.0]], offset=5.0).items()}

    loss = object_loss(fields, wanted, wanted)
    loss.backward()

    assert loss.item() == 0
    assert all(not values.grad.any() for values in fields.values() if values.grad is not None)
