"""What can be believed of measured speeds, and which precisions a processor gains from.

In:  a machine.
Out: the machine with plausible speeds; whether, or why not, a precision is worth using.

A single wrong number must not decide a plan. So three estimates vote on what a precision gains: the measured ratio on
all cores, that on one core, and what processors with these instructions usually gain; the middle one counts. Levels of
memory are at most as fast as the one before them, and a core has at least its part of all.

Must not know: plans, networks, how speeds are measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from smalta.description.model_info import LEAST_GAIN, Precision
from smalta.planning.machine import Machine
from smalta.planning.rates import LEVELS, Rates, one_core, precisions_of

# relative to fp32, by the measurement of `smalta.planning.probes`: (instructions, usual gain, highest gain)
_GAINS: Mapping[str, tuple[tuple[frozenset[str], float, float], ...]] = {
    "bf16": (
        (frozenset({"AMX"}), 3.0, 16.0),
        (frozenset({"bf16"}), 1.6, 4.0),
    ),
    "int8": (
        (frozenset({"AMX"}), 4.0, 32.0),
        (frozenset({"VNNI", "I8MM"}), 2.2, 8.0),
    ),
}
_NO_INSTRUCTION = (1.0, 4.0)  # int8 on a processor that has no instruction for it


def plausible(machine: Machine) -> Machine:
    """The machine with speeds that can be true together; those that already can are unchanged."""
    rates, cores = machine.rates, machine.cores
    fp32 = rates.flops["fp32"]
    fp32_one_core = _between(rates.flops_one_core["fp32"], fp32 / cores, fp32)
    gains = {precision: gain(machine, precision) for precision in rates.flops}
    bandwidth, single = _in_order(rates.bandwidth), _in_order(rates.bandwidth_one_core)
    return replace(
        machine,
        rates=replace(
            rates,
            flops={precision: fp32 * times for precision, times in gains.items()},
            flops_one_core={precision: fp32_one_core * times for precision, times in gains.items()},
            bandwidth=bandwidth,
            bandwidth_one_core={
                level: _between(single[level], bandwidth[level] / cores, bandwidth[level]) for level in LEVELS
            },
        ),
    )


def gain(machine: Machine, precision: str) -> float:
    """How many times as fast as in fp32 the processor multiplies in a precision that it has."""
    if precision == "fp32":
        return 1.0
    usual, most = next(
        (numbers for wanted, *numbers in _GAINS[precision] if wanted.intersection(machine.processor.instructions)),
        _NO_INSTRUCTION,
    )
    return min(median([*_measured(machine.rates, precision), usual]), most)


def worth_using(machine: Machine, precision: Precision) -> bool:
    """Whether the processor has this precision, and gains from it by numbers that nothing disturbed."""
    return why_not(machine, precision) is None


def why_not(machine: Machine, precision: Precision) -> str | None:
    """Why the processor should not multiply in this precision; None if it should."""
    if precision == "fp32":
        return None
    if precision not in precisions_of(machine.processor) or precision not in machine.rates.flops:
        return f"this processor has no instructions for {precision}"
    numbers = (precision, "fp32", one_core(precision), one_core("fp32"))
    causes = [machine.rates.disturbed[name] for name in numbers if name in machine.rates.disturbed]
    if causes:
        told = "other programs were busy" if "busy" in causes else "the speed of the machine changed"
        return f"whether {precision} is faster here is unknown, because {told} while it was measured"
    if (times := gain(machine, precision)) < LEAST_GAIN:
        return f"{precision} runs at {times:.1f} times the rate of fp32 here, which gains nothing"
    return None


def _measured(rates: Rates, precision: str) -> tuple[float, float]:
    """The gain on all cores, and on one."""
    return (
        rates.flops[precision] / rates.flops["fp32"],
        rates.flops_one_core[precision] / rates.flops_one_core["fp32"],
    )


def _in_order(bandwidth: Mapping[str, float]) -> dict[str, float]:
    """No level faster than the one before it; the middle one is believed."""
    middle = bandwidth["l3"]
    return {"l2": max(bandwidth["l2"], middle), "l3": middle, "memory": min(bandwidth["memory"], middle)}


def _between(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
