"""The rival is scored by the code that scores smalta; a few pixels of a network stand in for smp's."""

from __future__ import annotations

from pathlib import Path

import torch
from bench.rivals.smp_unet import Rival
from torch import nn

from smalta.data.any_format import open_dataset
from smalta.inference.split_evaluation import evaluate
from smalta.scenes import write_scenes


def test_a_rival_is_scored_as_smalta_is(tmp_path: Path) -> None:
    write_scenes(tmp_path, n_train=1, n_val=1, n_test=2, seed=0, size_hw=(64, 96))
    dataset = open_dataset(tmp_path)
    torch.manual_seed(0)
    network = nn.Conv2d(3, dataset.tree.n_leaves, 1)
    rival = Rival(tree=dataset.tree, network=network, mean=torch.zeros(1, 3, 1, 1), std=torch.ones(1, 3, 1, 1))

    report = evaluate(rival, dataset, "test")

    assert report["n_pictures"] == 2
    assert {row["measure"] for row in report["headline"]} >= {"mean_iou"}
