"""The model of reuse distances beside what cachegrind counted: bench/cachegrind.py, bench/results/cachegrind.json."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalta.planning.reuse import LINE_BYTES, Operand, Reuse, misses, reuses

COUNTED = json.loads((Path(__file__).parents[2] / "bench/results/cachegrind.json").read_text())["cases"]
FIRST, SECOND = 32 * 2**10, 512 * 2**10
Case = dict[str, Any]

# loops of each order from the outermost, and how the maps before and after are indexed; o and i are channels
ORDERS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "planes": ("oip", ("i", "p"), ("o", "p")),
    "pixels": ("opi", ("i", "p"), ("o", "p")),
    "rows": ("oyix", ("i", "y", "x"), ("o", "y", "x")),
    "place": ("poi", ("i", "p"), ("o", "p")),
    "last": ("poi", ("p", "i"), ("p", "o")),
}


def lines_of(case: Case) -> tuple[float, float]:
    """Lines of the input and of all weights, which the program makes first."""
    channels = case["channels"]
    weights = sum(before * after for before, after in pairwise(channels))
    return channels[0] * case["side"] ** 2 / 16, weights / 16


def convolution(case: Case, cache: int) -> float:
    """Misses of the nest of loops alone, after its operands were made."""
    side, (before, after) = case["side"], case["channels"]
    loops, read, written = ORDERS[case["order"]]
    rounds = {"o": after, "i": before, "p": side**2, "y": side, "x": side}
    operands = [Operand(loops=axes) for axes in (read, written, ("o", "i"))]
    found = sum(misses({loop: rounds[loop] for loop in loops}, operands, cache))
    made = sum(lines_of(case))
    all_fits = LINE_BYTES * (made + after * side**2 / 16) <= cache
    return found - made if all_fits else found


def just_made(case: Case) -> Case:
    """What the program counts before its first convolution."""
    return next(one for one in COUNTED if (one["side"], one["channels"], one["order"]) == (*key(case), "none"))


def key(case: Case) -> tuple[int, list[int]]:
    return case["side"], case["channels"]


SINGLE = [case for case in COUNTED if case["order"] != "none" and len(case["channels"]) == 2]


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: f"{case['order']}-{case['side']}")
def test_the_second_level_misses_what_cachegrind_counted(case: Case) -> None:
    expected = just_made(case)["LLd"] + convolution(case, SECOND)

    # "place" at 56 finds the end of the input, which was made last, still in the cache
    assert expected == pytest.approx(case["LLd"], rel=0.05 if case["order"] == "place" else 0.01)


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: f"{case['order']}-{case['side']}")
def test_the_first_level_misses_what_cachegrind_counted(case: Case) -> None:
    expected = just_made(case)["D1"] + convolution(case, FIRST)

    if (case["order"], case["side"]) == ("place", 56):
        # channels lie 196 lines apart: of 64 sets they use 16, and evict each other. A full cache has no such conflict.
        assert expected < 0.1 * case["D1"]
    else:
        assert expected == pytest.approx(case["D1"], rel=0.02)


@pytest.mark.parametrize(
    ("order", "side", "counted"), [("last", 28, 8_400), ("rows", 56, 858_217), ("last", 56, 40_736)]
)
def test_an_independent_count_of_the_same_convolution_is_met(order: str, side: int, counted: int) -> None:
    """Another program with the same caches; its start is in the count, and is known from 28 x 28."""
    start = 8_400 - sum(misses({"p": 784, "o": 64, "i": 64}, [Operand(loops=("p", "i"))] * 2, SECOND)) - 256
    case = {"order": order, "side": side, "channels": [64, 64]}
    made = sum(lines_of(case))

    assert start + made + convolution(case, SECOND) == pytest.approx(counted, rel=0.04)


def test_maps_that_fit_miss_alike_in_every_order() -> None:
    counted = [case["LLd"] for case in SINGLE if case["side"] == 28]

    assert max(counted) - min(counted) < 0.005 * min(counted)
    small = [convolution({"order": order, "side": 28, "channels": [64, 64]}, SECOND) for order in ORDERS]
    assert small == [64 * 784 / 16] * len(ORDERS)  # what is written, and nothing twice


CHAINS = [case for case in COUNTED if case["order"] == "last" and len(case["channels"]) > 2]


def chain(case: Case) -> tuple[list[list[int]], np.ndarray, np.ndarray]:
    """Inputs, bytes written and weights of the layers; the first one makes the input."""
    channels, places = case["channels"], case["side"] ** 2
    written = np.array([4.0 * places * one for one in channels])
    weights = np.array([0.0, *(4.0 * before * after for before, after in pairwise(channels))])
    return [[], *([place] for place in range(len(channels) - 1))], written, weights


@pytest.mark.parametrize("case", CHAINS, ids=lambda case: f"{case['side']}-" + "-".join(map(str, case["channels"])))
def test_a_chain_of_layers_loads_again_what_cachegrind_counted(case: Case) -> None:
    inputs, written, weights = chain(case)
    found = reuses(inputs, written, weights)
    again, once = sum(reuse.beyond(SECOND) for reuse in found), written[1:].sum()
    # where a distance is almost the size of the cache, a few lines more decide: those of the start, and of the sums
    edge = any(0.97 * SECOND < max(reuse.first, reuse.last) <= SECOND for reuse in found)

    expected = just_made(case)["LLd"] + (once + again) / LINE_BYTES
    assert expected == pytest.approx(case["LLd"], rel=0.2 if edge else 0.05)
    assert edge == (case["side"] == 40)


def test_what_is_between_two_uses_is_what_the_cache_must_hold() -> None:
    mib = float(2**20)
    inputs = [[], [0], [1], [2, 0]]  # the last layer adds the first map again

    found = reuses(inputs, np.full(4, mib), np.zeros(4))

    assert [(one.layer, one.first / mib, one.last / mib) for one in found] == [
        (1, 1.0, 2.0),  # the first map has nothing beside it when it is written; then the second one
        (2, 2.0, 2.0),
        (3, 2.0, 3.0),
        (3, 3.0, 4.0),
    ]
    assert [one.beyond(2.5 * mib) / mib for one in found] == [0.0, 0.0, 0.5, 1.0]


def test_a_cache_holds_the_share_of_a_map_whose_distance_is_below_its_size() -> None:
    even = Reuse(layer=0, size=100.0, first=50.0, last=50.0)
    rising = Reuse(layer=0, size=100.0, first=40.0, last=60.0)
    falling = Reuse(layer=0, size=100.0, first=60.0, last=40.0)

    assert [even.beyond(size) for size in (49, 50)] == [100.0, 0.0]
    assert rising.beyond(45) == falling.beyond(45) == pytest.approx(75.0)
    assert math.isclose(rising.beyond(100), 0.0)
