from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from smalta.errors import ModelError
from smalta.model.storage import save_tensors
from smalta.training.checkpoint import STATE_FILE, load_state, save_state


class Run:
    """A network of two layers, its average and its optimiser."""

    def __init__(self, seed: int, *, channels: int = 4) -> None:
        torch.manual_seed(seed)
        layers = nn.Sequential(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels))
        self.network = layers.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=0.1, fused=True)

    def step(self, seed: int) -> None:
        self.optimizer.zero_grad()
        torch.manual_seed(seed)
        self.network(torch.randn(2, 3, 8, 8)).square().mean().backward()
        self.optimizer.step()
        with torch.no_grad():
            self.average[0].weight.lerp_(self.network[0].weight, 0.5)

    def save(self, folder: Path, **counters: float) -> None:
        save_state(folder, self.network, self.average, self.optimizer, counters)

    def load(self, folder: Path) -> dict[str, float]:
        return load_state(folder, self.network, self.average, self.optimizer)


def test_a_restored_run_goes_on_bit_by_bit(tmp_path: Path) -> None:
    run = Run(seed=1)
    run.step(1)
    run.save(tmp_path, step=1, rate=0.25)
    again = Run(seed=2)

    counters = again.load(tmp_path)
    for seed in (2, 3):
        run.step(seed)
        again.step(seed)

    assert counters == {"step": 1, "rate": 0.25}
    for ours, theirs in ((run.network, again.network), (run.average, again.average)):
        assert all(
            torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
        )


def test_moments_lie_in_memory_like_their_weights(tmp_path: Path) -> None:
    run = Run(seed=1)
    run.step(1)
    run.save(tmp_path)
    again = Run(seed=2)
    again.load(tmp_path)

    weight = again.network[0].weight
    moment = again.optimizer.state[weight]["exp_avg"]

    assert moment.stride() == weight.stride()
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(moment, run.optimizer.state[run.network[0].weight]["exp_avg"])


def test_a_restored_state_replaces_what_was_there(tmp_path: Path) -> None:
    run = Run(seed=1)
    run.save(tmp_path, step=0)  # before any step there are no moments
    run.step(1)

    run.load(tmp_path)

    assert not run.optimizer.state
    assert torch.equal(run.network[0].weight, Run(seed=1).network[0].weight)


def test_the_state_is_one_file(tmp_path: Path) -> None:
    run = Run(seed=1)
    run.save(tmp_path)
    run.save(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    Run(seed=1, channels=5).save(tmp_path)

    with pytest.raises(ModelError, match="belongs to another network; train into a new folder"):
        Run(seed=1).load(tmp_path)


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Run(seed=1).load(tmp_path)
    save_tensors(tmp_path / STATE_FILE, {"semantic.weight": torch.zeros(3)}, {})
    with pytest.raises(ModelError, match="belongs to another network"):
        Run(seed=1).load(tmp_path)
