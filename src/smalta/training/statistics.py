"""Find the statistics of batch normalisation that an exported model lacks.

In:  a network whose normalisation only adds a bias b; pictures.
Out: the same network with the mean m and the variance v of each convolution's results as statistics.

With mean m, variance v, factor sqrt(v + epsilon) and bias b + m, normalisation adds b as before, so evaluation mode
answers as before. In training mode a batch has about these statistics, so training starts from the same answers.

Must not know: files, where the pictures come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from smalta.model.network import Network


@torch.no_grad()
def fill_statistics(network: Network, norms: Sequence[str], pictures: Iterable[Tensor]) -> None:
    """Set the statistics of normalisation in place.

    Args:
        network: on the CPU; its mode stays.
        norms: paths of modules that only add a bias.
        pictures: (B, 3, H, W) batches, at least one.
    """
    modules = {path: cast(nn.BatchNorm2d, network.get_submodule(path)) for path in norms}
    sums = {path: torch.zeros(2, norm.num_features, dtype=torch.float64) for path, norm in modules.items()}
    counts = dict.fromkeys(norms, 0)

    def note(path: str, inputs: tuple[Any, ...]) -> None:
        values = inputs[0].double()
        sums[path] += torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
        counts[path] += values.numel() // values.shape[1]

    hooks = [
        norm.register_forward_pre_hook(lambda _, inputs, path=path: note(path, inputs))
        for path, norm in modules.items()
    ]
    training = network.training
    network.eval()
    try:
        for batch in pictures:
            network(batch)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    for path, norm in modules.items():
        mean, square = sums[path] / counts[path]
        variance = (square - mean.square()).clamp_min(0)
        cast(Tensor, norm.running_mean).copy_(mean)
        cast(Tensor, norm.running_var).copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)
