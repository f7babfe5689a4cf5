from __future__ import annotations

import pytest
import torch
from torch import nn

from smalta.description.network_config import NetworkConfig
from smalta.model.network import Network
from smalta.training.statistics import fill_statistics

PICTURES = torch.randint(0, 256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()


@pytest.fixture
def network() -> Network:
    """A network whose normalisation only adds a bias."""
    torch.manual_seed(0)
    made = Network(NetworkConfig(n_leaves=3, encoder="plain", width=12, objects=True)).eval()
    for norm in (module for module in made.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.running_var.fill_(1 - norm.eps)
        nn.init.normal_(norm.bias, std=0.2)
    return made


def norms_of(network: Network) -> list[str]:
    return [path for path, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]


@torch.no_grad()
def test_answers_stay_and_training_mode_gives_the_same(network: Network) -> None:
    before = network(PICTURES)

    fill_statistics(network, norms_of(network), PICTURES.split(2))

    assert not network.training
    for answers in (network(PICTURES), network.train()(PICTURES)):
        for name, values in before.items():
            torch.testing.assert_close(answers[name], values, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_statistics_are_those_of_all_batches(network: Network) -> None:
    norm, inputs = network.get_submodule("encoder.stages.0.1"), []
    hook = norm.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    network(PICTURES)
    hook.remove()

    fill_statistics(network, norms_of(network), PICTURES.split(2))

    torch.testing.assert_close(norm.running_mean, inputs[0].mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(norm.running_var, inputs[0].var((0, 2, 3), unbiased=False), atol=1e-5, rtol=1e-4)
