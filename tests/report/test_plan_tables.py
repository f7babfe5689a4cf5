from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console
from rich.table import Table

from machines import CARD, TWO_CORES, WITH_CARD
from plans import a_plan
from smalta.planning.plan import Rejected
from smalta.report.plan_tables import machine_table, plan_table, rejected_table


def text(table: Table) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(table)
    return console.export_text()


def test_the_machine_is_told_in_units_that_people_read() -> None:
    told = text(machine_table(replace(TWO_CORES, memory_limit=2**30)))

    assert "2 usable" in told
    assert "L2 1 MiB (2 MiB in total)" in told
    assert "8.0 GiB, limit 1.0 GiB" in told
    assert "fp32 100 GFLOP/s, bf16 200 GFLOP/s" in told
    assert "memory 20 GB/s" in told
    assert "4.1 us per page of 4 KiB, 1 GB/s; glibc can keep large blocks" in told


def test_cards_that_are_unknown_unused_or_published_say_so() -> None:
    assert "card, 8.0 GiB, fp32 10 TFLOP/s" in text(machine_table(WITH_CARD))
    assert "(published numbers)" in text(machine_table(replace(WITH_CARD, gpus=(replace(CARD, published=True),))))
    assert "this PyTorch cannot use them" in text(machine_table(replace(TWO_CORES, unused_gpus=("NVIDIA L4",))))


def test_a_plan_has_a_row_for_each_decision_with_its_reason() -> None:
    told = text(plan_table(a_plan(reasons={"device": "no [GPU] is here", "tile": "memory"})))

    assert "no [GPU] is here" in told  # brackets are no markup
    assert "256 x 512" in told
    assert "2 x 1" in told
    assert "4 ms per picture" in told
    assert "allocator" not in told  # OpenVINO keeps its own memory


def test_training_is_told_per_step_with_its_layout() -> None:
    told = text(plan_table(a_plan(task="training", runtime="pytorch", tile_hw=None)))

    assert "4 ms per step" in told
    assert "channels-last" in told
    assert "whole" in told


def test_what_was_rejected_says_by_how_much_or_that_it_cannot_be() -> None:
    rejected = (Rejected(name="slow", slower=2.345, why="takes long"), Rejected(name="big", slower=None, why="needs 9"))

    told = text(rejected_table(a_plan(rejected=rejected)))

    assert "2.35" in told or "2.34" in told
    assert "needs 9" in told
