from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smalta.classes import Attribute
from smalta.description.network_config import NetworkConfig
from smalta.errors import ModelError
from smalta.model import torch_runtime as runtime
from smalta.model.torch_runtime import TorchRuntime, cpu_has_fast_bf16, is_out_of_memory

LIT = Attribute(name="lit", node=1, values=("on", "off"), start=0)
HUE = Attribute(name="hue", node=2, values=("red", "green", "blue"), start=2)


class Brightness(nn.Module):
    """Stands in for a network: the second class has the logit brightness / 50, attributes say 0, 1, 2, 3, 4."""

    def __init__(self, stride: int = 4, *, attributes: bool = False) -> None:
        super().__init__()
        self.config = NetworkConfig(n_leaves=2, n_attribute_values=5 if attributes else 0, stride=stride)
        self.with_attributes = attributes
        self.seen: list[tuple[int, ...]] = []

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        self.seen.append(tuple(pictures.shape))
        stride = self.config.stride
        bright = nn.functional.avg_pool2d(pictures.float().mean(dim=1, keepdim=True), stride) / 50
        logits = {"semantic": torch.cat([torch.zeros_like(bright), bright], dim=1)}
        if self.with_attributes:
            logits["attributes"] = torch.arange(5.0).view(1, 5, 1, 1).expand(len(bright), 5, *bright.shape[2:])
        return logits


def probability(brightness: float) -> float:
    return 1 / (1 + float(np.exp(-brightness / 50)))


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("size_hw", [(1, 1), (32, 64), (33, 47), (95, 5)])
def test_probabilities_have_the_size_of_the_picture_whatever_it_is(stride: int, size_hw: tuple[int, int]) -> None:
    network = Brightness(stride)
    pictures = np.full((2, *size_hw, 3), 100, np.uint8)

    semantic = TorchRuntime(network, bf16=False)(pictures)["semantic"]

    assert semantic.shape == (2, 2, *size_hw)
    assert semantic.dtype == np.float32
    np.testing.assert_allclose(semantic.sum(axis=1), 1.0, atol=1e-6)
    # the border repeats to the right and below, so that even there a plain picture is plain
    np.testing.assert_allclose(semantic[:, 1], probability(100), rtol=1e-5)
    assert network.seen == [(2, 3, -(-size_hw[0] // 32) * 32, -(-size_hw[1] // 32) * 32)]


def test_a_class_stands_where_its_pixels_stand() -> None:
    picture = np.zeros((1, 64, 96, 3), np.uint8)
    picture[:, 16:32, 40:80] = 250

    bright = TorchRuntime(Brightness(), bf16=False)(picture)["semantic"][0, 1]

    # at stride 4 a border is blurred over 2 pixels to each side, about its own place
    np.testing.assert_allclose(bright[18:30, 42:78], probability(250), rtol=1e-5)
    assert bright[:14].max() == bright[34:].max() == bright[:, :38].max() == bright[:, 82:].max() == 0.5
    middle = (bright > probability(125)).astype(int)
    assert (middle.any(axis=1).sum(), middle.any(axis=0).sum()) == (16, 40)
    assert middle[24, 40:80].all()
    assert middle[16:32, 60].all()


def test_the_cut_is_made_after_the_answer_is_raised() -> None:
    wide = np.zeros((1, 64, 64, 3), np.uint8)
    wide[:, :, 20:] = 250

    cut = TorchRuntime(Brightness(), bf16=False)(wide[:, :50, :30])["semantic"]

    np.testing.assert_allclose(cut, TorchRuntime(Brightness(), bf16=False)(wide)["semantic"][:, :, :50, :30], rtol=1e-5)


def test_each_attribute_is_a_softmax_of_its_own() -> None:
    answer = TorchRuntime(Brightness(attributes=True), (LIT, HUE), bf16=False)(np.zeros((1, 33, 20, 3), np.uint8))

    assert answer.keys() == {"semantic", "attribute:lit", "attribute:hue"}
    assert answer["attribute:hue"].shape == (1, 3, 33, 20)
    one, two = np.exp(1.0), np.exp(2.0)
    np.testing.assert_allclose(answer["attribute:lit"][0, :, 0, 0], [1 / (1 + one), one / (1 + one)], rtol=1e-5)
    np.testing.assert_allclose(
        answer["attribute:hue"][0, :, 32, 19], np.array([1, one, two]) / (1 + one + two), rtol=1e-5
    )


def test_bf16_answers_in_fp32_and_nearly_the_same() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)

    exact, rounded = (TorchRuntime(Brightness(), bf16=bf16)(pictures)["semantic"] for bf16 in (False, True))

    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, exact, atol=0.02)


def test_no_gradient_is_kept_and_the_input_stays_as_it_is() -> None:
    pictures = np.full((1, 40, 40, 3), 7, np.uint8)
    pictures.flags.writeable = False

    TorchRuntime(Brightness(), bf16=False)(pictures)

    assert (pictures == 7).all()


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_picture_that_does_not_fit_in_memory_is_an_error_in_words(
    error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Tensor) -> None:
        raise error

    network = Brightness()
    monkeypatch.setattr(network, "forward", fail)

    with pytest.raises(ModelError, match="a picture of 32 x 64 px does not fit in memory; shrink it"):
        TorchRuntime(network)(np.zeros((1, 32, 64, 3), np.uint8))


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Brightness()
    monkeypatch.setattr(network, "forward", lambda *_: torch.zeros(2) @ torch.zeros(3))

    with pytest.raises(RuntimeError, match="size"):
        TorchRuntime(network)(np.zeros((1, 32, 64, 3), np.uint8))
    assert not is_out_of_memory(RuntimeError("inconsistent tensor size"))


@pytest.mark.parametrize(("seconds", "fast"), [({"fp32": 1.3, "bf16": 1.0}, True), ({"fp32": 1.0, "bf16": 1.0}, False)])
def test_bf16_is_taken_where_it_is_there_and_faster(
    seconds: dict[str, float], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {torch.float32: seconds["fp32"], torch.bfloat16: seconds["bf16"]}
    monkeypatch.setattr(runtime, "_seconds_of_convolution", times.__getitem__)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    cpu_has_fast_bf16.cache_clear()
    try:
        assert cpu_has_fast_bf16() == fast
        cpu_has_fast_bf16.cache_clear()
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        assert not cpu_has_fast_bf16()
    finally:
        cpu_has_fast_bf16.cache_clear()  # what was pretended here holds for nobody else
