"""Print a machine and a plan.

In:  a `Machine`, a `Plan`.
Out: tables for a terminal.

Must not know: how they are made.
"""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from smalta.planning.cost import Way
from smalta.planning.gpus import Gpu
from smalta.planning.machine import Machine
from smalta.planning.plan import Plan
from smalta.planning.rates import FRESH, Rates, disturbance, one_core, shown
from smalta.planning.words import duration, rate, size
from smalta.runtimes.registry import RUNTIMES


def machine_table(machine: Machine) -> Table:
    """The machine, one fact per row."""
    facts, rates, caches = machine.processor, machine.rates, machine.processor.caches
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    limit = "no limit" if machine.memory_limit is None else f"limit {size(machine.memory_limit)}"
    rows = {
        "processor": f"{facts.name} ({facts.architecture})",
        "cores": f"{machine.cores} usable",
        "caches": ", ".join(
            [
                f"L1 {_cache(caches.l1)} per core",
                f"L2 {_cache(caches.l2)} ({_cache(caches.l2_total)} in total)",
                f"L3 {_cache(caches.l3)} shared ({_cache(caches.l3_total)} in total)",
            ]
        ),
        "memory": f"{size(machine.memory_bytes)}, {limit}",
        "instructions": ", ".join(facts.instructions) or "none of those that smalta uses",
        "arithmetic": _speeds(rates, tuple(rates.flops), "FLOP/s"),
        "bandwidth": _speeds(rates, tuple(rates.bandwidth), "B/s"),
        "fresh memory": f"{duration(rates.fault_seconds)} per page of {size(rates.page_bytes)}, "
        f"{rate(rates.fresh_bytes, 'B/s')}{_mark(rates, FRESH)}"
        + ("; glibc can keep large blocks" if machine.glibc else ""),
    }
    if machine.cores > 1:
        rows |= {
            "on one core": "; ".join(
                _speeds(rates, tuple(map(one_core, names)), unit)
                for names, unit in ((rates.flops, "FLOP/s"), (rates.bandwidth, "B/s"))
            )
        }
    for index, gpu in enumerate(machine.gpus):
        rows[f"GPU {index}"] = gpu_text(gpu)
    if machine.unused_gpus:
        rows["unused"] = f"{', '.join(machine.unused_gpus)}: this PyTorch cannot use them"
    elif not machine.gpus:
        rows["GPU"] = "none"
    rows["measured"] = machine.measured
    if (told := disturbance(rates.disturbed)) is not None:
        rows["marked with ?"] = told
    for name, text in rows.items():
        table.add_row(name, escape(text))
    return table


def _speeds(rates: Rates, names: tuple[str, ...], unit: str) -> str:
    numbers = rates.numbers
    return ", ".join(
        f"{shown(name).replace(one_core(''), '')} {rate(numbers[name], unit)}{_mark(rates, name)}" for name in names
    )


def _mark(rates: Rates, name: str) -> str:
    """Marks a number that was disturbed while it was measured."""
    return " ?" if name in rates.disturbed else ""


def gpu_text(gpu: Gpu) -> str:
    """A card in one line."""
    flops = ", ".join(f"{name} {rate(value, 'FLOP/s')}" for name, value in gpu.flops.items())
    return (
        f"{gpu.name}, {size(gpu.memory_bytes)}, {flops}, memory {rate(gpu.bandwidth, 'B/s')}, "
        f"to the card {rate(gpu.transfer, 'B/s')}, {duration(gpu.launch_seconds)} per launch"
        + (" (published numbers)" if gpu.published else "")
    )


def plan_table(plan: Plan) -> Table:
    """The plan, one decision per row with its reason."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column("decision", style="bold", no_wrap=True)
    table.add_column("value", no_wrap=True)
    table.add_column("because", overflow="fold")
    reasons = plan.reasons
    for name, value in _decisions(plan).items():
        table.add_row(name, escape(value), escape(reasons.get(name, "")))
    return table


def plan_sentence(plan: Plan) -> str:
    """How pictures were processed, with the predicted time and, where it was measured, the real one."""
    tile = "" if plan.tile_hw is None else f", tiles of {plan.tile_hw[0]} x {plan.tile_hw[1]}"
    of = f"a picture of {plan.size_hw[0]} x {plan.size_hw[1]} px"
    told = f"{Way.of(plan).name}{tile}: predicted time of the network {duration(plan.predicted_seconds)} for {of}"
    if "seconds" not in plan.measured:
        return told
    beside = "; the same cores read, decoded and wrote pictures meanwhile" if plan.device == "cpu" else ""
    return f"{told}, measured {duration(plan.measured['seconds'])}{beside}"


def rejected_table(plan: Plan) -> Table:
    """The rejected candidates, and how much slower they are."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column("rejected", overflow="fold")
    table.add_column("times as long", justify="right", no_wrap=True)
    table.add_column("because", overflow="fold")
    for one in plan.rejected:
        table.add_row(escape(one.name), "-" if one.slower is None else f"{one.slower:.2f}", escape(one.why))
    return table


def _decisions(plan: Plan) -> dict[str, str]:
    graph = RUNTIMES[plan.runtime].graph
    rows = {
        "device": plan.device,
        "score": "no tie" if plan.tie_pixels is None else f"{plan.score:.2f}",
        "runtime": plan.runtime,
        "precision": plan.precision,
        "layout": "-" if graph else plan.layout.replace("_", "-"),
        "streams": f"{plan.streams} x {plan.threads}",
        "tile": "whole" if plan.tile_hw is None else f"{plan.tile_hw[0]} x {plan.tile_hw[1]}",
        "batch": str(plan.batch),
        "memory": size(plan.memory_bytes),
        "caches": "/".join(f"{100 * plan.caches.get(level, 0):.0f}" for level in ("near", "l3", "memory")) + " %",
        "allocator": "keep" if plan.keep_memory else "system's",
        "time": f"{duration(plan.predicted_seconds)} per {'step' if plan.task == 'training' else 'picture'}",
    }
    if not plan.caches:
        del rows["caches"]
    if plan.device == "cuda":
        del rows["streams"]
    if plan.device == "cuda" or graph:
        del rows["allocator"]
    return rows


def _cache(n_bytes: int) -> str:
    return "unknown" if n_bytes == 0 else size(n_bytes)
