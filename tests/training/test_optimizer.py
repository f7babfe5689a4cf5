from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from smalta.description.network_config import NetworkConfig
from smalta.model.network import Network
from smalta.training.optimizer import MuonAdamW, orthogonal


def with_singular_values(values: Tensor, shape: tuple[int, int]) -> Tensor:
    u, _, v = torch.linalg.svd(torch.randn(shape, generator=torch.Generator().manual_seed(1)), full_matrices=False)
    return u * values @ v


def little() -> nn.ModuleDict:
    torch.manual_seed(0)
    parts = {
        "mix": nn.Conv2d(6, 8, 3),
        "norm": nn.BatchNorm2d(8),
        "depthwise": nn.Conv2d(8, 8, 3, groups=8),
        "semantic": nn.Conv2d(8, 4, 1, bias=False),
    }
    return nn.ModuleDict(parts)


def optimizer_of(network: nn.Module, rate: float = 0.01) -> MuonAdamW:
    return MuonAdamW(network, learning_rate=rate, weight_decay=0.1)


def give_gradients(network: nn.Module, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (12, 12)])
def test_a_matrix_becomes_orthogonal_and_keeps_its_directions(shape: tuple[int, int]) -> None:
    matrix = with_singular_values(torch.logspace(0, -1.5, min(shape)), shape)

    (found,) = orthogonal([matrix])

    u, values, v = torch.linalg.svd(found, full_matrices=False)
    assert values.min() > 0.6
    assert values.max() < 1.3
    own_u, _, own_v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.allclose(u @ v, own_u @ own_v, atol=0.05)


def test_matrices_of_many_shapes_come_back_in_their_order() -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = [torch.randn(shape, generator=generator) for shape in ((4, 9), (9, 4), (3, 3), (4, 9))]

    found = orthogonal(matrices)

    for matrix, answer in zip(matrices, found, strict=True):
        assert answer.shape == matrix.shape
        assert torch.allclose(answer, orthogonal([matrix])[0], atol=0.02)


def test_a_matrix_of_zeros_stays_one() -> None:
    assert not orthogonal([torch.zeros(3, 5)])[0].any()


def test_muon_takes_what_mixes_channels_and_adamw_the_rest() -> None:
    network = Network(NetworkConfig(n_leaves=3, objects=True, stride=2))
    names = {id(parameter): name for name, parameter in network.named_parameters()}

    groups = optimizer_of(network).param_groups

    mixing, others, free = (
        {names[id(parameter)] for group in part for parameter in group["params"]}
        for part in (groups[:2], groups[2::2], groups[3::2])
    )
    assert {"semantic.weight", "objects.1.weight"} <= others
    assert all(network.get_parameter(name).shape[1] > 1 for name in mixing)
    assert all(network.get_parameter(name).shape[1] == 1 or name.startswith(("semantic", "objects")) for name in others)
    assert len(mixing) > 40
    assert all(group["weight_decay"] == 0.0 for group in groups[3::2])
    assert len(names) == len(mixing) + len(others) + len(free)


@pytest.mark.parametrize("pretrained", [False, True])
def test_an_encoder_that_knows_something_is_moved_more_slowly(pretrained: bool) -> None:
    network = Network(NetworkConfig(n_leaves=3))
    optimizer = MuonAdamW(network, learning_rate=0.01, weight_decay=0.0, pretrained=pretrained)
    rate = {id(x): group["base_lr"] for group in optimizer.param_groups for x in group["params"]}
    before = copy.deepcopy(network)
    give_gradients(network)

    optimizer.step()

    slow = 0.3 if pretrained else 1.0
    for name, parameter in network.named_parameters():
        assert rate[id(parameter)] == pytest.approx(0.01 * (slow if name.startswith("encoder.") else 1.0))
    for name in ("encoder.body.blocks.3.1.conv_pw.weight", "decoder.merges.8.mix.0.1.0.weight"):
        moved = (network.get_parameter(name) - before.get_parameter(name)).square().mean().sqrt().item()
        assert moved == pytest.approx(0.2 * 0.01 * (slow if name.startswith("encoder.") else 1.0), rel=0.2)


def test_what_is_no_matrix_moves_as_adamw_moves_it() -> None:
    network = little()
    twin = copy.deepcopy(network)
    optimizer = optimizer_of(network)
    of = dict(twin.named_parameters())
    decaying = [of["depthwise.weight"], of["semantic.weight"]]
    free = [parameter for parameter in of.values() if parameter.dim() == 1]
    reference = torch.optim.AdamW(
        [{"params": decaying, "weight_decay": 0.1}, {"params": free, "weight_decay": 0.0}], lr=0.01
    )

    for seed in range(3):
        for one in (network, twin):
            give_gradients(one, seed)
        optimizer.step()
        reference.step()

    for name, parameter in network.named_parameters():
        same = torch.allclose(parameter, twin.get_parameter(name), atol=1e-6)
        assert same == (name != "mix.weight")


def test_a_step_of_muon_has_the_size_of_adamws() -> None:
    network = little()
    before = network["mix"].weight.detach().clone()
    give_gradients(network)

    optimizer_of(network).step()

    moved = network["mix"].weight.detach() - before * (1 - 0.01 * 0.1)
    assert moved.square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.15)


def test_a_new_learning_rate_reaches_every_parameter() -> None:
    network = little()
    before = copy.deepcopy(network.state_dict())
    optimizer = optimizer_of(network)
    give_gradients(network)

    for group in optimizer.param_groups:
        group["lr"] = 0.0
    optimizer.step()

    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_parameters_without_a_gradient_stay() -> None:
    network = little()
    before = network["mix"].weight.detach().clone()

    optimizer_of(network).step()

    assert torch.equal(network["mix"].weight, before)
