"""Start a training from a model: its configuration, its weights, and new answers for classes that it does not know.

In:  settings that name a model; a new network for the data's classes.
Out: settings that follow the model; the network with the model's weights, and sentences about them.

Must not know: how a run a run proceeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from smalta.answers.fields import ATTRIBUTES, OBJECTS, SEMANTIC
from smalta.classes import ClassTree
from smalta.data.checks.finding import counted, listed
from smalta.data.dataset import Dataset
from smalta.errors import ConfigError
from smalta.inference.opened import open_model
from smalta.model.decoder import Answer
from smalta.model.network import BRANCH_SPREAD, Network
from smalta.model.reading import StoredNetwork, read_network
from smalta.training.batches import Batch, Batches
from smalta.training.first_answers import fit_new_answers
from smalta.training.new_classes import Start, start
from smalta.training.recipe import Recipe
from smalta.training.settings import TrainSettings
from smalta.training.statistics import fill_statistics

FOLLOWED = ("encoder", "width", "stride")  # settings that the model determines
LEAST_CROPS = 64  # from which statistics are measured and answers for new classes are fitted
LEARNING_RATE_SHARE = 0.3  # of the usual highest one: the weights are near their place


def following(settings: TrainSettings) -> TrainSettings:
    """Settings with the network configuration of the model that they start from; unchanged without one.

    Raises:
        ConfigError: if another setting contradicts the model.
        ModelError: if the model cannot be read.
    """
    if settings.initial is None:
        return settings
    model, usual = open_model(settings.initial).info.network, TrainSettings()
    if not settings.pretrained:
        raise ConfigError(
            f"the run starts from {settings.initial} and so not from random weights; omit --no-pretrained"
        )
    for name in FOLLOWED:
        wanted, its = getattr(settings, name), getattr(model, name)
        if wanted not in (getattr(usual, name), its):
            raise ConfigError(
                f"{name} {wanted!r} contradicts {settings.initial}, whose {name} is {its!r}; omit --{name}, or train "
                "without --from"
            )
    rate = settings.learning_rate
    if rate == usual.learning_rate:
        rate *= LEARNING_RATE_SHARE
    return replace(settings, encoder=model.encoder, width=model.width, stride=model.stride, learning_rate=rate)


def some_crops(dataset: Dataset, draw_weights: np.ndarray, recipe: Recipe, *, seed: int) -> Iterator[Batch]:
    """The first training batches, at least `LEAST_CROPS` crops in all.

    Args:
        dataset: with the split "train".
        draw_weights: (P,) how often each training picture is drawn.
        recipe: of the run.
        seed: of the run.
    """
    batches = Batches(
        dataset,
        dataset.split("train"),
        draw_weights,
        recipe.crop_hw,
        batch=recipe.batch,
        config=recipe.augment,
        seed=seed,
        cache_bytes=0,
    )
    try:
        for _, batch in zip(range(-(-LEAST_CROPS // recipe.batch)), batches.start(0), strict=False):
            yield batch
    finally:
        batches.close()


def start_from(path: str, network: Network, tree: ClassTree, crops: Iterable[Batch]) -> dict[str, Any]:
    """Give a network the weights of a model.

    Args:
        path: of the model.
        network: a new one with the model's encoder, width and stride, on the CPU; it is changed.
        tree: the classes of its answers.
        crops: some of the training's batches; read only if the model's file lacks statistics, or for new classes that
            no class of the model contains.

    Returns:
        Facts about the start, for the model's file: "model", "sha256" and "notes", which are sentences for the user.

    Raises:
        ModelError: if the model cannot be read.
    """
    stored = read_network(Path(path))
    strangers = _strangers(stored.info.tree, tree)
    kept = list(crops) if stored.unmeasured or strangers else []
    if stored.unmeasured:
        fill_statistics(stored.network, [norm for _, norm in stored.unmeasured], (batch.pictures for batch in kept))
    notes = _take_over(network, tree, stored, Path(path).name)
    if strangers:
        fitted = [_leaves(tree)[row] for row in fit_new_answers(network, tree, strangers, kept)]
        notes += [f"the first answer for {listed(fitted)} is fitted to the labels of some crops"] if fitted else []
    return {"model": Path(path).name, "sha256": stored.digest, "notes": notes}


def _strangers(old: ClassTree, new: ClassTree) -> list[int]:
    """Places among the new leaves of the classes that have no known class above them."""
    origins = start(_leaves(old), _leaves(new)).origins
    return [place for place, origin in enumerate(origins) if origin is None]


@torch.no_grad()
def _take_over(network: Network, tree: ClassTree, stored: StoredNetwork, name: str) -> list[str]:
    """Copy what both networks have, and start the rest from it."""
    old, its = stored.network, stored.info.tree
    both = network.config.objects and old.config.objects
    shared = ("encoder.", "decoder.", *([f"{OBJECTS}."] if both else []))
    found = {key: value for key, value in old.state_dict().items() if key.startswith(shared)}
    network.load_state_dict(found, strict=False)
    classes = start(_leaves(its), _leaves(tree))
    _start_answers(network.get_submodule(SEMANTIC), old.get_submodule(SEMANTIC), _with_strangers(classes), spread=True)
    notes = [_said(f"the network starts from {name}", "class", _leaves(tree), classes, "from all classes")]
    if tree.attributes:
        values, theirs = _values(tree), _values(its)
        if theirs:
            known = start(theirs, values)
            _start_answers(network.get_submodule(ATTRIBUTES), old.get_submodule(ATTRIBUTES), known, spread=False)
        else:
            known = start([], values)
        notes.append(_said("attributes", "value", values, known, "random weights"))
    if network.config.objects and not both:
        notes.append(f"{name} has no heads for objects, so these start new")
    if old.config.objects and not both:
        notes.append(f"the heads for objects of {name} are left out: this training has none")
    return notes


def _leaves(tree: ClassTree) -> list[str]:
    return [tree.nodes[leaf - 1].path for leaf in tree.leaves]


def _values(tree: ClassTree) -> list[str]:
    """The values of all attributes in the order of their channels, as paths."""
    return [f"{attribute.name}/{value}" for attribute in tree.attributes for value in attribute.values]


def _with_strangers(found: Start) -> Start:
    """The same, but a class without a known one above it starts at the geometric mean of all, in equal parts."""
    unknown = [place for place, origin in enumerate(found.origins) if origin is None]
    matrix, offsets = found.matrix.copy(), found.offsets.copy()
    matrix[unknown] = 1 / matrix.shape[1]
    offsets[unknown] = -np.log(max(len(unknown), 1))
    return replace(found, matrix=matrix, offsets=offsets)


def _start_answers(new: Any, old: Any, found: Start, *, spread: bool) -> None:
    """Set the weights of a layer of answers; a row of zeros in the matrix leaves the new layer's random weights.

    Args:
        new, old: `Answer`s of the same width and stride.
        found: how the new answers follow from the old ones.
        spread: whether answers that follow from all others differ by small random weights.
    """
    layer, before = cast(Answer, new), cast(Answer, old)
    block = layer.side**2
    rows = torch.from_numpy(np.flatnonzero(found.matrix.any(axis=1)))
    matrix, offsets = torch.from_numpy(found.matrix)[rows], torch.from_numpy(found.offsets)[rows]
    weight = torch.einsum("no,obf->nbf", matrix, before.weight.double().reshape(-1, block, before.in_channels))
    bias = matrix @ cast(Tensor, before.bias).double().reshape(-1, block) + offsets[:, None]
    strangers = torch.tensor([found.origins[row] is None for row in rows.tolist()])
    if spread:
        weight[strangers] += BRANCH_SPREAD * torch.randn(int(strangers.sum()), 1, layer.in_channels, dtype=weight.dtype)
    layer.weight.view(-1, block, layer.in_channels)[rows] = weight.to(layer.weight.dtype)
    cast(Tensor, layer.bias).view(-1, block)[rows] = bias.to(layer.weight.dtype)


def _said(subject: str, noun: str, paths: Sequence[str], found: Start, strangers: str) -> str:
    """A sentence about the answers that stay, those that are new, and those that are left out.

    Args:
        subject: its beginning.
        noun: for one answer.
        paths: of the new network's answers.
        found: how they start.
        strangers: how an answer starts that has no known one above it.
    """
    new = [
        f"{path} ({f'from {origin}' if origin else strangers})"
        for path, origin, kept in zip(paths, found.origins, found.kept, strict=True)
        if not kept
    ]
    total = counted(len(paths), noun)
    sentence = f"{subject}: {f'{sum(found.kept)} of {total} keep' if new else f'all {total} keep'} their weights"
    if new:
        sentence += f"; new: {listed(new)}"
    return sentence + (f"; left out: {listed(found.left_out)}" if found.left_out else "")
