"""Give a class that a trained network does not know a first answer, fitted to its labels.

In:  a trained network with an answer for the class, batches of labelled crops.
Out: the same network; its answer for the class fits the labels as well as a linear one can.

All else in the network stays as it is, so the fit is a logistic regression on the decoder's features: the probability
of the new class with logit z beside fixed logits z_k is 1 / (1 + exp(log sum exp z_k - z)). The fit is convex and takes
about a second, where training would need many steps.

Must not know: files, how crops are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from smalta.answers.fields import SEMANTIC
from smalta.classes import ROOT, ClassTree
from smalta.model.decoder import Answer
from smalta.model.network import Network
from smalta.training.batches import Batch

LEAST_PIXELS = 100  # of the new class, in the map
MOST_PIXELS = 10_000  # of the new class; of all others, three times as many
RIDGE = 1e-3
MISSED = 3.0  # a missed pixel of the new class counts as much as three wrong ones
ITERATIONS = 40


@torch.no_grad()
def fit_new_answers(network: Network, tree: ClassTree, rows: Sequence[int], batches: Iterable[Batch]) -> list[int]:
    """Set the weights of answers for new classes.

    Args:
        network: on the CPU; the weights of these answers are changed.
        tree: its classes.
        rows: places of the new classes in `tree.leaves`.
        batches: labelled crops.

    Returns:
        The rows that were fitted; a class with fewer than `LEAST_PIXELS` labelled pixels keeps its weights.
    """
    layer = cast(Answer, network.get_submodule(SEMANTIC))
    known = torch.tensor([row not in rows for row in range(tree.n_leaves)])
    features, rest, labels = _seen(network, layer, known, batches)
    fitted = []
    for row in rows:
        leaf = tree.leaves[row]
        unclear = torch.isin(labels, torch.tensor([ROOT, *tree.ancestors(leaf)]))
        positive = torch.nonzero(labels == leaf)[:, 0]
        negative = torch.nonzero((labels != leaf) & ~unclear)[:, 0]
        if len(positive) < LEAST_PIXELS or not len(negative):
            continue
        chosen = torch.cat([_spread(positive, MOST_PIXELS), _spread(negative, 3 * MOST_PIXELS)])
        weight, bias = _regression(
            features[chosen].double(),
            rest[chosen].double(),
            labels[chosen] == leaf,
            MISSED * len(positive) / len(negative),
        )
        block = layer.side**2
        layer.weight.view(-1, block, layer.in_channels)[row] = weight.to(layer.weight.dtype)
        cast(Tensor, layer.bias).view(-1, block)[row] = bias.to(layer.weight.dtype)
        fitted.append(row)
    return fitted


def _seen(network: Network, layer: Answer, known: Tensor, batches: Iterable[Batch]) -> tuple[Tensor, Tensor, Tensor]:
    """Features (N, C), log sum exp of the known classes' logits (N,), and labels (N,) of the pixels of the map."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    inputs: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    training = network.training
    network.eval()
    try:
        for batch in batches:
            inputs.clear()
            logits = network(batch.pictures)[SEMANTIC]
            step = batch.labels.shape[-1] // logits.shape[-1]
            labels = batch.labels[:, step // 2 :: step, step // 2 :: step]
            features = F.interpolate(inputs[0], size=logits.shape[2:], mode="nearest")
            rest = torch.logsumexp(logits[:, known], dim=1)
            found.append((features.permute(0, 2, 3, 1).flatten(0, 2), rest.flatten(), labels.flatten()))
    finally:
        hook.remove()
        network.train(training)
    columns: Any = zip(*found, strict=True)
    features, rest, labels = (torch.cat(list(column)) for column in columns)
    return features, rest, labels


def _spread(places: Tensor, most: int) -> Tensor:
    """At most so many of the places, at even distances."""
    if len(places) <= most:
        return places
    return places[torch.linspace(0, len(places) - 1, most).long()]


def _regression(features: Tensor, rest: Tensor, positive: Tensor, odds: float) -> tuple[Tensor, Tensor]:
    """Weights (C,) and bias () of the logit z that makes sigmoid(z - rest) likely to say `positive`.

    Args:
        features: (N, C).
        rest: (N,) log sum exp of the other logits.
        positive: (N,) bool.
        odds: weight of all positive pixels together for each other pixel, before some were left out.
    """
    mean, spread = features.mean(dim=0), features.std(dim=0) + 1e-6
    standard, wanted = (features - mean) / spread, positive.double()
    balance = torch.where(positive, odds * float((~positive).sum()) / float(positive.sum()), 1.0)
    weight = torch.zeros(features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = rest.mean().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        with torch.enable_grad():
            off = F.binary_cross_entropy_with_logits(standard @ weight + bias - rest, wanted, weight=balance)
            total = off + RIDGE * weight.square().sum()
            total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    scaled = weight.detach() / spread
    return scaled, bias.detach() - (scaled * mean).sum()
