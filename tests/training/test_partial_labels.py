"""Trees with attributes and partial labels train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from labelled_sets import picture_and_mask, write_picture
from smalta.data.any_format import open_dataset
from smalta.model.storage import load_model
from smalta.training import learner, loop
from smalta.training.learner import Learner
from smalta.training.train import build_network, train
from tiny_runs import Killed, assert_same_run, at_call, events, raising, settings, state


@pytest.fixture(scope="module")
def partial_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pictures labelled down to the leaves, pictures with parents alone, and attributes on some."""
    root = tmp_path_factory.mktemp("partial")
    classes = """
    classes:
      ground: {ids: [0]}
      shape: {ids: [9], children: {disc: {ids: [1]}, ring: {ids: [2]}}, attributes: {tone: [light, dark]}}
    ignore: [255]
    """
    for split, seeds in {"train": range(4), "val": range(50, 52)}.items():
        for seed in seeds:
            picture, mask = picture_and_mask(seed)
            mask[:, : int(np.flatnonzero(mask.any(axis=0)).mean())] *= 2  # left halves are rings
            if seed % 2:
                mask[mask > 0] = 9  # only the parent is known
            mask[:3] = 255
            write_picture(root / "data" / split / "images" / f"p{seed}.png", picture)
            write_picture(root / "data" / split / "masks" / f"p{seed}.png", mask)
            if seed % 2 == 0:
                tone = np.where(mask > 0, 1 + seed % 4 // 2, 0).astype(np.uint8)
                write_picture(root / "data" / split / "attributes" / "tone" / f"p{seed}.png", tone)
    (root / "data" / "classes.yaml").write_text(classes)
    train(root / "data", root / "run", settings(steps=4))
    return root / "run"


def test_a_tree_with_partial_labels_and_attributes_trains(partial_run: Path) -> None:
    network, info = load_model(partial_run / "model.safetensors")

    assert info.network.n_leaves == 3
    assert info.network.n_attribute_values == 2
    last = events(partial_run, "validation")[-1]
    assert (last["step"], last["level"]) == (4, 2)
    assert set(last["iou"]) == {"ground", "shape/disc", "shape/ring"}
    start = build_network(open_dataset(partial_run.parent / "data").tree, settings(steps=4), 4)
    assert network.attributes is not None
    assert start.attributes is not None
    assert not torch.equal(network.attributes.weight, start.attributes.weight)


def test_such_a_run_too_goes_on_where_it_stopped(partial_run: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop.Trainer, "_report", at_call(3, raising(Killed()), loop.Trainer._report))
        with pytest.raises(Killed):
            train(partial_run.parent / "data", tmp_path / "run", settings(steps=4))

    train(partial_run.parent / "data", tmp_path / "run", settings(steps=4), resume=True)

    assert_same_run(tmp_path / "run", partial_run)


def test_coarse_labels_are_read_from_a_quarter_of_the_run_on_and_in_parts_where_memory_is_short(
    partial_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def deepen(labels: torch.Tensor, logits: torch.Tensor, tree: Any, nodes: Any) -> torch.Tensor:
        assert logits.shape == (len(labels), 3, 64, 64)
        assert nodes == (2,)  # shape
        sizes.append(len(labels))
        return labels

    monkeypatch.setattr(learner, "deepen", deepen)
    error = torch.OutOfMemoryError("no")
    monkeypatch.setattr(Learner, "update", at_call(1, raising(error), Learner.update))

    # two of the four pictures of each batch have coarse labels, where their crops show them
    train(partial_run.parent / "data", tmp_path / "run", settings(steps=8, batch=4))

    assert state(tmp_path / "run")[1]["accumulate"] == 2
    assert set(sizes) == {1}
    assert 6 <= len(sizes) <= 12  # twice in each of the steps 2 to 7


def test_the_model_of_such_a_tree_answers_attributes_too(partial_run: Path) -> None:
    import smalta

    picture = cv2.imread(str(partial_run.parent / "data" / "val" / "images" / "p50.png"))[..., ::-1]

    answer = smalta.load(partial_run)(picture)

    assert answer.attributes["tone"].shape == (2, 72, 96)
    np.testing.assert_allclose(answer.attributes["tone"].sum(axis=0), 1.0, atol=1e-5)
    assert set(np.unique(answer.attribute("tone"))) <= {0, 1, 2}
