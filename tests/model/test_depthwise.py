import pytest
import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from torch import nn

from smalta.model import depthwise
from smalta.model.depthwise import DepthwiseConv2d, composed, use_fast_depthwise


def layer(kernel: int, stride: int, *, same: bool) -> nn.Sequential:
    kind = Conv2dSame if same else nn.Conv2d
    padding = 0 if same else kernel // 2
    return nn.Sequential(kind(6, 6, kernel, stride=stride, padding=padding, groups=6, bias=False)).double()


@pytest.mark.parametrize("dtype", [torch.double, torch.float32])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_composed_gradients_are_those_of_pytorch(kernel: int, stride: int, dtype: torch.dtype) -> None:
    torch.manual_seed(kernel * 10 + stride)
    padded = torch.randn(2, 6, 18, 21, dtype=dtype).requires_grad_()
    weight = torch.randn(6, 1, kernel, kernel, dtype=dtype).requires_grad_()

    answer = composed(padded, weight, stride)
    expected = F.conv2d(padded, weight, stride=stride, groups=6)
    wanted = torch.autograd.grad(expected.square().sum(), (padded, weight))
    found = torch.autograd.grad(answer.square().sum(), (padded, weight))

    torch.testing.assert_close(answer, expected)
    tolerance = {"rtol": 1e-4, "atol": 1e-3} if dtype == torch.float32 else {}  # other orders of summing
    torch.testing.assert_close(found, wanted, **tolerance)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_layer_answers_as_the_one_that_it_was(kernel: int, stride: int, same: bool, bf16: bool) -> None:
    torch.manual_seed(kernel * 10 + stride)
    slow, fast = (layer(kernel, stride, same=same).float() for _ in range(2))
    fast.load_state_dict(slow.state_dict())
    use_fast_depthwise(fast)
    picture = torch.randn(2, 6, 14, 17)

    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        answer, expected = fast(picture), slow(picture)
        with torch.no_grad():
            torch.testing.assert_close(fast(picture), expected.detach())
    gradients = [
        torch.autograd.grad(found.float().square().sum(), network[0].weight)[0]
        for found, network in ((answer, fast), (expected, slow))
    ]

    assert isinstance(fast[0], DepthwiseConv2d)
    assert answer.dtype == expected.dtype
    torch.testing.assert_close(answer, expected)
    torch.testing.assert_close(*gradients, rtol=0.02 if bf16 else 1e-4, atol=1.0 if bf16 else 1e-3)


@pytest.mark.parametrize(("kernel", "wanted"), [(3, [torch.bfloat16]), (5, [torch.float32, torch.bfloat16])])
def test_gradients_are_composed_where_that_is_faster(
    kernel: int, wanted: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(depthwise, "composed", lambda padded, weight, stride: made.append(weight.dtype) or padded)
    network = layer(kernel, 1, same=False).float()
    use_fast_depthwise(network)

    network(torch.randn(1, 6, 8, 8))
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.randn(1, 6, 8, 8))
    with torch.no_grad():
        network(torch.randn(1, 6, 8, 8))

    assert made == wanted


def test_other_convolutions_are_left_alone() -> None:
    network = nn.Sequential(
        nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 3, groups=4, dilation=2, bias=False)
    )

    use_fast_depthwise(network)

    assert not any(isinstance(module, DepthwiseConv2d) for module in network)


def test_autocast_computes_in_bf16_and_keeps_fp32_weight_gradients() -> None:
    network = layer(3, 1, same=False).float()
    use_fast_depthwise(network)
    picture = torch.randn(1, 6, 8, 8)

    with torch.autocast("cpu", torch.bfloat16):
        answer = network(picture)
    answer.float().sum().backward()

    assert answer.dtype == torch.bfloat16
    assert network[0].weight.grad.dtype == torch.float32
    expected = F.conv2d(picture, network[0].weight.detach(), padding=1, groups=6)
    torch.testing.assert_close(answer.float(), expected, atol=0.05, rtol=0.05)
