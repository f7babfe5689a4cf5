"""Workloads by hand: convolutions of known sizes, and networks whose work doubles with their pixels."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from smalta.description.network_config import NetworkConfig
from smalta.description.workload import Layer, Workload
from smalta.model.folding import folded
from smalta.model.network import Network
from smalta.model.tracing import _Recorder, trace

PLAIN = NetworkConfig(n_leaves=3, encoder="plain", width=12)


def recorded(module: nn.Module, maps: torch.Tensor, *, backward: bool = False) -> list[Layer]:
    """What the recorder sees of a real pass."""
    recorder = _Recorder((*module.parameters(), *module.buffers()), len(maps))
    with recorder, torch.set_grad_enabled(backward):
        result = module(maps)
        if backward:
            torch.autograd.backward(result, torch.ones_like(result))
    return recorder.layers


@pytest.mark.parametrize(
    ("layer", "kind", "operations", "weights"),
    [
        (nn.Conv2d(8, 16, 3, padding=1, bias=False), "dense", 2 * 9 * 8 * 16 * 10 * 12, 4 * 9 * 8 * 16),
        (nn.Conv2d(8, 16, 1, bias=False), "pointwise", 2 * 8 * 16 * 10 * 12, 4 * 8 * 16),
        (nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), "depthwise", 2 * 9 * 8 * 10 * 12, 4 * 9 * 8),
        (nn.Conv2d(8, 16, 3, padding=1, groups=2, bias=False), "grouped", 2 * 9 * 4 * 16 * 10 * 12, 4 * 9 * 4 * 16),
    ],
)
def test_a_convolution_is_two_operations_per_weight_and_place(
    layer: nn.Conv2d, kind: str, operations: int, weights: int
) -> None:
    (found,) = recorded(layer, torch.zeros(1, 8, 10, 12))

    assert (found.kind, found.operations, found.weights) == (kind, operations, weights)
    assert (found.read, found.written) == (4 * 8 * 120, 4 * layer.out_channels * 120)
    assert found.fresh == found.written
    assert found.bits == 32


def test_a_stem_reads_the_few_channels_of_a_picture() -> None:
    (found,) = recorded(nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), torch.zeros(1, 3, 10, 12))

    assert (found.kind, found.operations) == ("stem", 2 * 9 * 3 * 16 * 5 * 6)


def test_gradients_of_maps_and_of_weights_take_as_long_as_the_pass_each() -> None:
    layer = nn.Conv2d(8, 16, 3, padding=1, bias=False)
    maps = torch.zeros(1, 8, 10, 12, requires_grad=True)

    forward, backward = (x for x in recorded(layer, maps, backward=True) if x.kind == "dense")

    assert (forward.backward, backward.backward) == (False, True)
    assert backward.operations == 2 * forward.operations


def test_what_works_in_place_takes_no_new_memory() -> None:
    _, found = recorded(nn.Sequential(nn.ReLU(), nn.ReLU(inplace=True)), torch.zeros(1, 8, 10, 12))

    assert (found.kind, found.fresh) == ("activation", 0)
    assert (found.read, found.written) == (4 * 8 * 120, 4 * 8 * 120)


def test_the_live_set_is_what_is_held_at_once_and_not_what_is_made_in_all() -> None:
    class Chain(nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            for _ in range(5):
                maps = maps + 1  # each result frees the one before
            return maps

    recorder, maps = _Recorder((), 1), torch.zeros(1, 10, 100)
    with recorder:
        Chain()(maps)

    assert recorder.peak == 2 * 4000


def test_a_layer_knows_whose_maps_it_reads() -> None:
    class Skipped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(8, 8, 1, bias=False) for _ in range(2))

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            first = self.first(maps)
            return self.second(first.transpose(2, 3)).relu_() + first  # a view is the same map; so is one in place

    found = recorded(Skipped(), torch.zeros(1, 8, 10, 10))

    assert [(one.name, one.inputs) for one in found] == [
        ("1x1, 8 to 8", ()),
        ("1x1, 8 to 8", (0,)),
        ("relu", (1,)),
        ("add", (2, 0)),
    ]


def test_gradients_read_the_maps_of_the_pass() -> None:
    layers = trace(PLAIN, (64, 64), training=True).layers

    convolutions = [(place, one) for place, one in enumerate(layers) if one.kind == "dense" and not one.once]
    first = next(place for place, one in convolutions if one.backward)
    saved = layers[first].inputs
    assert len(saved) == 2  # the gradient, and what the convolution read
    assert any(not layers[place].backward for place in saved)
    assert {one.name for _, one in convolutions if one.backward} == {
        one.name for _, one in convolutions if not one.backward
    }


def test_a_network_is_traced_as_it_runs() -> None:
    network = folded(Network(PLAIN))
    real = recorded(network, torch.zeros(1, 3, 64, 96, dtype=torch.uint8).contiguous(memory_format=torch.channels_last))

    traced = trace(PLAIN, (64, 96)).layers[: len(real)]

    assert [(x.kind, x.operations, x.read, x.written) for x in traced] == [
        (x.kind, x.operations, x.read, x.written) for x in real
    ]


@pytest.mark.parametrize("training", [False, True])
def test_work_grows_with_the_pixels_and_weights_do_not(training: bool) -> None:
    small = trace(PLAIN, (64, 96), batch=1, training=training)
    large = trace(PLAIN, (128, 192), batch=2, training=training)

    assert large.pixels == 8 * small.pixels
    assert large.weight_bytes == small.weight_bytes
    scaled = small.scaled(8)
    assert scaled.operations == pytest.approx(large.operations, rel=0.02)
    assert scaled.moved == pytest.approx(large.moved, rel=0.02)
    assert scaled.live_bytes == pytest.approx(large.live_bytes, rel=0.02)


def test_bf16_halves_what_convolutions_move() -> None:
    def moved(workload: Workload) -> float:
        return sum(x.read + x.written for x in workload.layers if x.kind in ("dense", "depthwise", "pointwise"))

    wide, narrow = trace(PLAIN, (64, 64)), trace(PLAIN, (64, 64), bf16=True)

    assert moved(narrow) == moved(wide) / 2
    assert {x.bits for x in narrow.layers if x.kind == "dense"} == {16}


def test_training_is_three_times_the_arithmetic_and_holds_all_maps() -> None:
    answer, step = trace(PLAIN, (64, 64)), trace(PLAIN, (64, 64), training=True)

    convolutions = ("dense", "pointwise", "depthwise", "stem")

    def arithmetic(workload: Workload) -> float:
        return sum(x.operations for x in workload.layers if x.kind in convolutions and not x.once)

    assert 2.5 < arithmetic(step) / arithmetic(answer) < 3.3
    assert step.live_bytes > 2 * answer.live_bytes
    assert step.weight_bytes == 5 * answer.weight_bytes
    once = [layer for layer in step.layers if layer.once]
    assert [layer.kind for layer in once] == ["update", "pointwise"]  # the optimiser moves all weights, and multiplies
    assert once == [layer for layer in step.scaled(3.0).layers if layer.once]


def test_answers_have_no_normalisation_left() -> None:
    assert "norm" in {layer.kind for layer in trace(PLAIN, (64, 64), training=True).layers}
    for bf16 in (False, True):
        kinds = [layer.kind for layer in trace(PLAIN, (64, 64), bf16=bf16).layers]
        assert "norm" not in kinds
        assert kinds.count("dense") > 5


def test_layers_that_are_kept_are_folded_as_they_are_in_training() -> None:
    config = NetworkConfig(n_leaves=3)

    usual, kept = (trace(config, (64, 64), training=True, fine_kept=kept) for kept in (False, True))

    def layers(workload: Workload, *kinds: str) -> list[Layer]:
        return [layer for layer in workload.layers if layer.kind in kinds and not layer.backward and not layer.once]

    assert len(layers(usual, "norm")) - len(layers(kept, "norm")) == 9  # those of the fine layers
    convolutions = ("dense", "pointwise", "depthwise", "stem")
    assert [(x.kind, x.operations) for x in layers(kept, *convolutions)] == [
        (x.kind, x.operations) for x in layers(usual, *convolutions)
    ]


def test_sides_are_rounded_up_as_the_runtime_pads() -> None:
    assert trace(PLAIN, (33, 64)) == trace(PLAIN, (64, 64))


def test_tracing_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(0)
    trace(NetworkConfig(n_leaves=4, encoder="plain", width=12), (32, 32))

    after = torch.rand(1)

    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(1))
