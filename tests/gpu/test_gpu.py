"""What a CUDA device must do; skipped where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from small_models import save_random_model
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import open_model
from smalta.inference.trial import try_out
from smalta.planning.candidates import candidates
from smalta.planning.machine import this_machine
from smalta.planning.plan import Limits
from smalta.planning.planner import best_two, plan

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
GIB = 2**30


def test_the_card_is_seen_and_measured() -> None:
    (card, *_) = this_machine(refresh=True).gpus

    assert not card.published
    assert card.memory_bytes == torch.cuda.get_device_properties(0).total_memory
    assert card.flops["fp32"] > 1e11
    assert card.bandwidth > 1e10
    assert 1e8 < card.transfer < 1e12
    assert 1e-7 < card.launch_seconds < 1e-3


def test_a_large_picture_goes_to_the_card_and_the_score_says_so(tmp_path: Path) -> None:
    work = answering_work(save_random_model(tmp_path / "run"), (2048, 2048))

    made = plan(work, this_machine())

    assert made.device == "cuda"
    assert made.score > 0.5


def test_channels_last_in_bf16_is_compared_with_channels_first_by_measuring(tmp_path: Path) -> None:
    run = save_random_model(tmp_path / "run")
    work, machine = answering_work(run, (512, 512)), this_machine()
    ways = [one for one in candidates(work, machine, Limits(device="cuda", batch=1)) if one.tile_hw is None]

    found = try_out(open_model(run), ways, (512, 512))

    assert len(found.seconds) + len(found.notes) == len(ways) == 4


def test_the_peak_memory_stays_within_the_plan(tmp_path: Path) -> None:
    run = save_random_model(tmp_path / "run")
    work, machine = answering_work(run, (1024, 1024)), this_machine()
    chosen = best_two(work, machine, Limits(device="cuda", memory_bytes=4 * GIB))[:1]
    torch.cuda.reset_peak_memory_stats()

    try_out(open_model(run), chosen, (1024, 1024))

    assert torch.cuda.max_memory_allocated() <= chosen[0].memory_bytes <= 4 * GIB


def test_a_card_can_be_refused(tmp_path: Path) -> None:
    work = answering_work(save_random_model(tmp_path / "run"), (64, 64))

    assert plan(work, this_machine(), Limits(device="cpu")).device == "cpu"
    assert plan(work, replace(this_machine(), gpus=())).device == "cpu"
