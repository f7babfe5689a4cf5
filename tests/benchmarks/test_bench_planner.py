from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from bench import planner, planner_cases
from bench.planner_cases import NETWORK, Group, Seen, groups, slug

from machines import RATES, TWO_CORES

FACTS = {"date": "2026-11-30 10:00 UTC", "memory_gib": 8.0, "system": "Linux x86_64", "versions": {}}
SEEN = Seen(
    processor=TWO_CORES.processor,
    cores=2,
    network=NETWORK,
    rates=(
        {"numbers": RATES.numbers, "disturbed": {}},
        {"numbers": {name: value / 4 for name, value in RATES.numbers.items()}, "disturbed": {"fp32": "busy"}},
    ),
    page_bytes=4096,
    cases=(),
    facts=FACTS,
)


def case(**changes: object) -> dict[str, object]:
    usual = {"side": 256, "batch": 1, "seconds": 0.01, "busy": 2.0, "peak": None}
    return asdict(Group("inference", "plain", "pytorch")) | usual | changes


def test_every_group_has_its_own_name_and_bf16_needs_the_processor() -> None:
    with_bf16, without = (list(groups(2, precisions)) for precisions in (("fp32", "bf16", "int8"), ("fp32", "int8")))

    assert len({group.name for group in with_bf16}) == len(with_bf16)
    assert {group.precision for group in without} == {"fp32", "int8"}
    assert {(group.streams, group.threads) for group in with_bf16} == {(1, 1), (1, 2), (2, 1)}
    assert len(list(groups(1, ("fp32", "int8")))) < len(without)


def test_a_disturbed_speed_does_not_count_where_there_is_another() -> None:
    rates = SEEN.machine.rates

    assert rates.flops["fp32"] == RATES.flops["fp32"]
    assert rates.bandwidth["l2"] == pytest.approx((1 + 1 / 4) / 2 * RATES.bandwidth["l2"])


def test_cases_of_each_processor_are_kept_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(planner_cases, "RESULTS", tmp_path)
    other = replace(SEEN, processor=replace(SEEN.processor, name="Another (R) CPU"), cases=(case(),))
    older = replace(SEEN, processor=replace(SEEN.processor, name="old"), network="not folded")
    for seen in (SEEN, other, older):
        (tmp_path / f"{seen.name}.json").write_text(json.dumps(asdict(seen)))

    assert {seen.name for seen in planner_cases.all_seen()} == {SEEN.name, other.name}
    assert slug(other.processor) == "another-r-cpu-avx2-avx-512-vnni-bf16"


def test_a_case_beside_a_busy_program_is_left_out() -> None:
    seen = replace(SEEN, cases=(case(), case(busy=1.0), case(threads=1, busy=1.0)))

    assert [(one["threads"], one["busy"]) for one in planner.quiet(seen)] == [(2, 2.0), (1, 1.0)]
