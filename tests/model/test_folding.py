from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from smalta.description.network_config import DEFAULT_ENCODER, NetworkConfig
from smalta.model.encoders import build_encoder
from smalta.model.folding import FoldedConv2d, fold, folded
from smalta.model.network import Network


def stir(network: nn.Module) -> None:
    """Give normalisation layers statistics and weights as a training leaves them."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.5, 1.5),
                (module.weight, 0.5, 1.5),
                (module.bias, -0.3, 0.3),
            ):
                assert values is not None
                values.data.uniform_(low, high, generator=generator)


def norms_that_run(network: nn.Module, pictures: Tensor) -> int:
    """How many normalisations a pass computes."""
    with torch.profiler.profile() as profile, torch.inference_mode():
        network(pictures)
    return sum(event.count for event in profile.key_averages() if event.key == "aten::batch_norm")


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("encoder", [DEFAULT_ENCODER, "plain", "resnet18", "mobilenetv3_small_050", "resnetv2_18"])
def test_a_folded_network_answers_alike_without_normalising(encoder: str, gradients: bool) -> None:
    network = Network(NetworkConfig(n_leaves=3, encoder=encoder, width=24, stride=2, objects=True)).eval()
    stir(network)
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pictures = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)

    made = folded(network)

    with torch.set_grad_enabled(gradients):
        expected, found = ({k: v.detach() for k, v in one(pictures).items()} for one in (network, made))
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=1e-3, atol=1e-3 * float(values.abs().max()))
    assert norms_that_run(network, pictures) > 20
    left = norms_that_run(made, pictures)
    assert left == 0 or (encoder == "resnetv2_18" and left < 20)  # that one normalises before it convolves
    assert network.state_dict().keys() == weights.keys()
    assert all(network.state_dict()[name].equal(tensor) for name, tensor in weights.items())
    # no weight is held twice
    held = sum(x.numel() for x in (*made.parameters(), *made.buffers()))
    assert held < 1.02 * sum(x.numel() for x in (*network.parameters(), *network.buffers()))


def test_a_folded_network_answers_alike_in_bf16() -> None:
    network = Network(NetworkConfig(n_leaves=3, encoder="plain", width=24)).eval()
    stir(network)
    pictures = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)

    with torch.inference_mode():
        exact = network(pictures)["semantic"]
        with torch.autocast("cpu", torch.bfloat16):
            rounded = folded(network)(pictures)["semantic"]

    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.05 * float(exact.abs().max()))


class Twice(nn.Module):
    """Somebody reads what the convolution answers before it is normalised, or a layer is used twice."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.conv, self.norm, self.relu = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()

    def forward(self, pictures: Tensor) -> Tensor:
        made = self.conv(pictures)
        if self.way == "convolution read":
            return self.relu(self.norm(made)) + made
        if self.way == "normalisation read":
            normalised = self.norm(made)
            return self.relu(normalised) + normalised
        return self.relu(self.norm(self.conv(self.relu(self.norm(made)))))


@pytest.mark.parametrize("way", ["convolution read", "normalisation read", "used twice"])
def test_what_cannot_be_folded_is_left(way: str) -> None:
    torch.manual_seed(0)
    network = Twice(way).eval()
    stir(network)
    pictures = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        before = network(pictures)

        assert fold(network, pictures) == 0

        assert torch.equal(network(pictures), before)
    assert not any(isinstance(module, FoldedConv2d) for module in network.modules())
    assert not [name for name, _ in network.named_buffers() if "folded" in name]


@pytest.mark.parametrize("way", ["convolution read", "normalisation read"])
def test_one_that_cannot_be_folded_does_not_keep_others_from_it(way: str) -> None:
    torch.manual_seed(0)
    other = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU(inplace=True))
    network = nn.Sequential(Twice(way), other).eval()
    stir(network)
    pictures = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        before = network(pictures)

        assert fold(network, pictures) == 1

        torch.testing.assert_close(network(pictures), before)
    assert isinstance(other[0], FoldedConv2d)


class Standardised(nn.Conv2d):
    """As timm's StdConv2d: the weight is changed before it is used."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return nn.functional.conv2d(input, self.weight / self.weight.std())


def test_a_convolution_that_changes_its_weight_is_left() -> None:
    network = nn.Sequential(Standardised(3, 3, 1), nn.BatchNorm2d(3)).eval()

    assert fold(network, torch.randn(1, 3, 8, 8)) == 0


@pytest.mark.parametrize("name", [DEFAULT_ENCODER, "resnet18"])
def test_layers_that_are_kept_can_be_folded_and_the_others_learn_as_before(name: str) -> None:
    torch.manual_seed(0)
    plain = build_encoder(name).double()  # so that rounding cannot hide a difference
    stir(plain)
    plain.keep_fine_layers()
    plain.to(memory_format=torch.channels_last)
    made = copy.deepcopy(plain)
    statistics = {key: value.clone() for key, value in made.state_dict().items()}
    pictures = torch.randn(2, 3, 64, 96, dtype=torch.double).contiguous(memory_format=torch.channels_last)

    made.fold_fine_layers()

    assert all(made.state_dict()[key].equal(value) for key, value in statistics.items())  # also those that learn
    found = []
    for encoder in (plain, made.train()):
        sum(m.square().mean() for m in encoder(pictures)).backward()
        found.append({key: p.grad for key, p in encoder.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for key, gradient in found[0].items():
        torch.testing.assert_close(found[1][key], gradient, rtol=1e-6, atol=1e-9)
    assert sum(isinstance(module, FoldedConv2d) for module in made.modules()) >= 5
