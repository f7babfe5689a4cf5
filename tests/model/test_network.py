from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from smalta.classes import ClassTree
from smalta.description.network_config import DEFAULT_ENCODER, NetworkConfig
from smalta.errors import ConfigError
from smalta.model.decoder import Answer
from smalta.model.network import Network
from smalta.training.losses import TreeLoss

CAR = ClassTree({"sky": {}, "car": {"children": ["audi", "honda"], "attributes": {"body": ["van", "bus", "coupe"]}}})


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("encoder", ["plain", DEFAULT_ENCODER, "convnext_atto"])
def test_logits_come_at_the_stride_with_a_channel_per_leaf(encoder: str, stride: int) -> None:
    network = Network(NetworkConfig(n_leaves=5, encoder=encoder, stride=stride, width=24)).eval()

    with torch.no_grad():
        logits = network(torch.zeros(2, 3, 64, 96, dtype=torch.uint8))

    assert logits.keys() == {"semantic"}
    assert logits["semantic"].shape == (2, 5, 64 // stride, 96 // stride)


def test_the_answers_of_a_block_begin_alike_and_learn_to_differ() -> None:
    answer = Answer(6, 3, stride=1)
    features = torch.randn(1, 6, 2, 3)

    blocks = answer(features).unfold(2, 4, 4).unfold(3, 4, 4)

    torch.testing.assert_close(blocks, blocks[..., :1, :1].expand_as(blocks))
    torch.testing.assert_close(blocks[0, :, 1, 2, 0, 0], F.conv2d(features, answer.weight, answer.bias)[0, ::16, 1, 2])
    before = answer.weight.detach().clone()
    optimizer = torch.optim.SGD(answer.parameters(), lr=0.1)
    answer(features)[0, 1, 5, 6].backward()
    optimizer.step()
    moved = (answer.weight - before).abs().sum(dim=(1, 2, 3)).nonzero()[:, 0].tolist()
    assert moved == [16 + 4 * (5 % 4) + 6 % 4]  # the value, and its row and column in the block


def test_a_finer_answer_costs_little_and_sees_finer_maps() -> None:
    flops = {}
    for stride in (4, 2, 1):
        network = Network(NetworkConfig(n_leaves=11, stride=stride, objects=True)).eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, 256, 256))
        flops[stride] = counter.get_total_flops()
        assert len(network.decoder.merges["4"].skips) == {4: 1, 2: 2, 1: 3}[stride]

    assert flops[2] < 1.1 * flops[4]
    assert flops[1] < 1.4 * flops[4]


def test_attributes_get_a_head_of_their_own() -> None:
    config = NetworkConfig.for_tree(CAR, encoder="plain", width=24)

    logits = Network(config)(torch.zeros(2, 3, 64, 64))

    assert (config.n_leaves, config.n_attribute_values) == (3, 3)
    assert logits["semantic"].shape == logits["attributes"].shape == (2, 3, 16, 16)


def test_heads_for_objects_share_a_branch_that_begins_with_hardly_any_centre_and_answers_in_pixels() -> None:
    torch.manual_seed(0)
    network = Network(NetworkConfig(n_leaves=2, objects=True, encoder="plain", stride=2, width=12)).eval()
    found = []
    network.objects[1].register_forward_hook(lambda _, __, answer: found.append(answer))

    with torch.no_grad():
        logits = network(torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8))

    assert logits["center"].mean().item() == pytest.approx(-3, abs=0.2)
    torch.testing.assert_close(logits["center"], found[0][:, :1])
    torch.testing.assert_close(logits["offsets"], 16 * found[0][:, 1:])


def test_the_default_network_costs_at_most_five_gflop_at_512() -> None:
    network = Network(NetworkConfig(n_leaves=11)).eval()

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 512, 512))

    assert 1e9 < counter.get_total_flops() <= 5e9


def test_pictures_are_normalised_by_the_encoders_own_mean_and_deviation() -> None:
    network = Network(NetworkConfig(n_leaves=2, encoder="plain", width=12)).eval()
    seen = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    picture = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32)

    with torch.no_grad():
        network(picture)
        network(picture.float())

    # the plain encoder's mean is 0.5 and its deviation 0.25: (0 - 0.5) / 0.25, (1 - 0.5) / 0.25, (0.2 - 0.5) / 0.25
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([-2.0, 2.0, -1.2]))
    torch.testing.assert_close(seen[1], seen[0])


def test_weights_are_those_of_the_encoder_decoder_and_heads_alone() -> None:
    names = Network(NetworkConfig(n_leaves=2, encoder="plain", width=12)).state_dict()

    assert {name.split(".")[0] for name in names} == {"encoder", "decoder", "semantic"}


@pytest.mark.parametrize("encoder", ["resnet18", "plain", DEFAULT_ENCODER])
def test_two_steps_reach_every_weight(encoder: str) -> None:
    torch.manual_seed(0)
    network = Network(NetworkConfig.for_tree(CAR, encoder=encoder, width=24))
    reached = set()
    labels = torch.randint(0, 5, (2, 64, 64))

    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

    for _ in range(2):  # timm's residual branches start at 0, which lets their inner layers wait a step
        logits = network(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8))
        loss = TreeLoss(CAR, dice=0.5)(logits["semantic"], labels) + logits["attributes"].square().mean()
        optimizer.zero_grad()
        loss.backward()
        reached |= {name for name, parameter in network.named_parameters() if parameter.grad.any()}
        optimizer.step()

    assert {name for name, _ in network.named_parameters()} - reached == set()
    assert all(parameter.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"stride": 3}, "stride must be 1, 2 or 4, got 3"),
        ({"width": 100}, "width must be a multiple of 12 in 12..1024, got 100"),
        ({"width": 0}, "width must be a multiple of 12"),
        ({"n_leaves": 1}, "a network has 2 to 4096 leaves"),
        ({"n_attribute_values": -1}, "a network has 2 to 4096 leaves"),
    ],
)
def test_a_configuration_that_no_network_can_have_is_refused(told: dict[str, int], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        NetworkConfig(**{"n_leaves": 2, **told})  # type: ignore[arg-type]


def test_a_configuration_survives_its_plain_form_and_refuses_misspelt_keys() -> None:
    config = NetworkConfig(n_leaves=7, n_attribute_values=3, encoder="plain", stride=2, width=48)

    assert NetworkConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match=r"unknown keys \['strid'\]"):
        NetworkConfig.from_dict({"n_leaves": 2, "strid": 2})
