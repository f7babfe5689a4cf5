import pytest
import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from torch import nn

from smalta.model.depthwise import DepthwiseConv2d, use_fast_depthwise


def layer(kernel: int, stride: int, *, same: bool) -> nn.Sequential:
    kind = Conv2dSame if same else nn.Conv2d
    padding = 0 if same else kernel // 2
    return nn.Sequential(kind(6, 6, kernel, stride=stride, padding=padding, groups=6, bias=False)).double()


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_fast_depthwise_gives_the_output_and_the_gradients_of_pytorch(kernel: int, stride: int, same: bool) -> None:
    torch.manual_seed(kernel * 10 + stride)
    slow, fast = layer(kernel, stride, same=same), layer(kernel, stride, same=same)
    fast.load_state_dict(slow.state_dict())
    use_fast_depthwise(fast)
    pictures = [torch.randn(2, 6, 14, 17, dtype=torch.double).requires_grad_() for _ in range(1)]
    twin = pictures[0].detach().clone().requires_grad_()

    answer = fast(pictures[0])
    expected = slow(twin)
    weights = torch.randn_like(expected)
    (answer * weights).sum().backward()
    (expected * weights).sum().backward()

    assert isinstance(fast[0], DepthwiseConv2d)
    torch.testing.assert_close(answer, expected)
    torch.testing.assert_close(pictures[0].grad, twin.grad)
    torch.testing.assert_close(fast[0].weight.grad, slow[0].weight.grad)
    with torch.no_grad():
        torch.testing.assert_close(fast(twin), expected)


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
