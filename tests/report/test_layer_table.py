from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from smalta.planning.layer_costs import LayerCost
from smalta.report.layer_table import _number, counts_table, layer_notes, layer_table
from smalta.system.counters import CacheCounts

MIB = 2**20


def layer(**told: Any) -> LayerCost:
    usual: dict[str, Any] = {"kind": "dense", "name": "3x3, 8 to 16", "count": 1, "forward": 2e9, "backward": 0.0}
    usual |= {"working_set": 4.0 * MIB, "moved": 4.0 * MIB, "served": (MIB, 2.0 * MIB, 1.0 * MIB), "seconds": 0.01}
    return LayerCost(**(usual | {"loaded_again": 0.0} | told))


def lines(table: Table) -> list[str]:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return [" ".join(line.split()) for line in capture.get().splitlines() if line.strip()]


def test_a_row_has_its_work_its_caches_and_its_time() -> None:
    head, units, first, second, whole = lines(
        layer_table([layer(), layer(), layer(kind="resize", name="bilinear", forward=0.0, loaded_again=3.0 * MIB)])
    )

    assert head == "number set L1+L2 L3 memory again time"
    assert units == "layers GFLOP MiB % % % MiB ms %"
    assert first == "dense 3x3, 8 to 16 2 4.00 4.00 25 50 25 - 20.0 67"
    assert second == "resize bilinear 1 - 4.00 25 50 25 3.00 10.0 33"
    assert whole == "all 3 4.00 4.00 25 50 25 3.00 30.0 100"


def test_a_training_has_operations_forward_and_backward() -> None:
    head, units, first, *_ = lines(layer_table([layer(), layer(forward=0.0, backward=4e9)]))

    assert "forward backward" in head
    assert units.startswith("layers GFLOP GFLOP")
    assert first.startswith("dense 3x3, 8 to 16 2 2.00 4.00")


def test_short_rows_are_one() -> None:
    table = lines(layer_table([layer(), *(layer(name=str(place), seconds=1e-6) for place in range(40))]))

    assert len(table) == 5
    assert table[3].startswith("others, below 1 % each 40 80.0")


def test_a_gpu_has_no_columns_of_caches() -> None:
    layers = [layer(served=())]

    assert lines(layer_table(layers))[0] == "number set time"
    assert not any("L1+L2" in note for note in layer_notes(layers, 0))


def test_notes_say_what_is_left_out() -> None:
    assert layer_notes([layer()], 7)[-1] == "7 layers run inside the layer before them and have no row"
    assert not any("inside" in note for note in layer_notes([layer()], 0))


PREDICTED = {"near": 0.5, "l3": 0.3, "memory": 0.2, "moved": 6400.0, "loaded_again": 0.0}


def test_counted_lines_stand_beside_predicted_shares() -> None:
    counts = CacheCounts(l1_reads=1e6, l1_misses=2e4, last_reads=40, last_misses=10)

    assert lines(counts_table(PREDICTED, counts)) == [
        "level predicted counted of",
        "L1+L2 50 % 60 % the 6 KiB that a pass moves",  # 40 of 100 lines left the L2
        "L3 30 % 30 % the 6 KiB that a pass moves",
        "memory 20 % 10 % the 6 KiB that a pass moves",
        "hits in L1 98.0 % 1 M loads that reach it",
        "hits in L3 75.0 % 40 loads that reach it",
    ]


def test_a_processor_that_counts_its_l2_does_not_tell_l3_from_memory() -> None:
    counts = CacheCounts(l1_reads=None, l1_misses=None, last_reads=80, last_misses=40, last_level="l2")

    assert lines(counts_table(PREDICTED, counts))[1:] == [
        "L1+L2 50 % 60 % the 6 KiB that a pass moves",
        "L3 30 % not counted the 6 KiB that a pass moves",
        "memory 20 % not counted the 6 KiB that a pass moves",
        "hits in L2 50.0 % 80 loads that reach it",
    ]


def test_an_empty_table_is_a_head_alone() -> None:
    assert len(lines(layer_table([]))) == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "-"), (0.0004, "-"), (0.00123, "0.001"), (0.1234, "0.123"), (5.678, "5.68"), (123.4, "123")],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert _number(value) == shown
