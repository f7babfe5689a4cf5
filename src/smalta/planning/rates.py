"""The measured speeds of a machine, and which of them were disturbed while they were measured.

In:  numbers by name, and the causes of disturbances.
Out: `Rates`: speeds by precision, level of memory and number of cores.

Must not know: how speeds are measured, networks, plans, files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from smalta.description.model_info import Precision
from smalta.errors import ConfigError
from smalta.planning.facts import Processor

Disturbance = Literal["busy", "unsteady"]
Level = Literal["l2", "l3", "memory"]

LEVELS: tuple[Level, ...] = ("l2", "l3", "memory")  # the first stands for L1 and L2 together
FRESH = "fresh memory"
MOST_NAMED = 4  # numbers in a sentence
BF16_INSTRUCTIONS = "bf16"  # in `Processor.instructions`


def one_core(name: str) -> str:
    """The name of a number that is measured on one core.

    Example:
        >>> one_core("fp32")
        'fp32 on one core'
    """
    return f"{name} on one core"


def precisions_of(processor: Processor) -> tuple[Precision, ...]:
    """The precisions that the processor multiplies in; without its instruction, bf16 is only emulated."""
    return ("fp32", "bf16", "int8") if BF16_INSTRUCTIONS in processor.instructions else ("fp32", "int8")


def names_of(cores: int, processor: Processor) -> tuple[str, ...]:
    """The names of all numbers that are measured on a machine; with a single core, none is measured twice."""
    whole = (*precisions_of(processor), *LEVELS)
    return (*whole, *(map(one_core, whole) if cores > 1 else ()), FRESH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Speeds of one machine.

    Attributes:
        flops: operations per second of all usable cores in 3x3 convolutions by precision: "fp32", "int8", and "bf16"
            where the processor has it; a multiplication and an addition are two operations.
        flops_one_core: the same on one core, while the others rest.
        bandwidth: bytes per second of all usable cores, read and written, by level: "l2", "l3", "memory".
        bandwidth_one_core: the same on one core.
        fault_seconds: for one page of fresh memory.
        page_bytes: size of such a page.
        disturbed: the numbers that cannot be relied on, by name as in `numbers`: "busy" if other programs used the
            cores meanwhile, "unsteady" if two rounds never agreed.
    """

    flops: Mapping[str, float]
    flops_one_core: Mapping[str, float]
    bandwidth: Mapping[str, float]
    bandwidth_one_core: Mapping[str, float]
    fault_seconds: float
    page_bytes: int
    disturbed: Mapping[str, Disturbance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        speeds = (*self.flops.values(), *self.flops_one_core.values())
        speeds += (*self.bandwidth.values(), *self.bandwidth_one_core.values(), self.fault_seconds, self.page_bytes)
        if not all(value > 0 for value in speeds):
            raise ConfigError(f"measured speeds must be above 0, the least is {min(speeds)}")
        missing = {"fp32", "int8"} - (self.flops.keys() & self.flops_one_core.keys())
        missing |= set(LEVELS) - (self.bandwidth.keys() & self.bandwidth_one_core.keys())
        if missing or self.flops.keys() != self.flops_one_core.keys():
            raise ConfigError(f"measured speeds lack {', '.join(sorted(missing)) or 'a precision on one core'}")

    @property
    def fresh_bytes(self) -> float:
        """Bytes of fresh memory per second."""
        return self.page_bytes / self.fault_seconds

    @property
    def numbers(self) -> dict[str, float]:
        """All measured numbers by name; fresh memory in pages per second."""
        whole = {**self.flops, **self.bandwidth}
        single = {**self.flops_one_core, **self.bandwidth_one_core}
        return whole | {one_core(name): value for name, value in single.items()} | {FRESH: 1 / self.fault_seconds}

    @classmethod
    def of(cls, numbers: Mapping[str, float], page_bytes: int, disturbed: Mapping[str, Disturbance]) -> Self:
        """Build from numbers by name; where one on one core is missing, the machine has only one.

        Raises:
            ConfigError: if another number is missing.
        """
        precisions = [name for name in ("fp32", "bf16", "int8") if name in numbers]
        return cls(
            flops=_picked(numbers, precisions),
            flops_one_core=_on_one_core(numbers, precisions),
            bandwidth=_picked(numbers, LEVELS),
            bandwidth_one_core=_on_one_core(numbers, LEVELS),
            fault_seconds=1 / numbers[FRESH] if numbers.get(FRESH) else 0.0,
            page_bytes=page_bytes,
            disturbed=disturbed,
        )

    def flops_of(self, precision: str, used: float, cores: int) -> float:
        """Operations per second of some of the usable cores; of fp32 for a precision that the processor lacks.

        Args:
            precision: of the multiplications.
            used: number of working cores, from 1 to `cores`.
            cores: number of usable cores.
        """
        known = precision if precision in self.flops else "fp32"
        return _between(self.flops_one_core[known], self.flops[known], used, cores)

    def bandwidth_of(self, level: Level, used: float, cores: int) -> float:
        """Bytes per second of some of the usable cores; arguments as for `flops_of`."""
        return _between(self.bandwidth_one_core[level], self.bandwidth[level], used, cores)


def shown(name: str) -> str:
    """The name of a number for people.

    Example:
        >>> shown("l3 on one core"), shown("memory"), shown("fp32")
        ('L3 on one core', 'memory', 'fp32')
    """
    return name.replace("l2", "L2").replace("l3", "L3")


def disturbance(disturbed: Mapping[str, Disturbance]) -> str | None:
    """One sentence about numbers that cannot be relied on; None if there are none.

    Args:
        disturbed: causes by name, as in `Rates.disturbed`.

    Example:
        >>> disturbance({"bf16": "busy"})
        'other programs were busy while bf16 was measured; it is measured again at the next start'
        >>> disturbance({"l2": "unsteady", "l3": "unsteady"})
        'the speed of this machine changed while L2, L3 were measured; they are measured again at the next start'
    """
    if not disturbed:
        return None
    told = []
    for cause, what in (("busy", "other programs were busy"), ("unsteady", "the speed of this machine changed")):
        names = [shown(name) for name, found in disturbed.items() if found == cause]
        if names:
            few = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} of its speeds"
            told.append(f"{what} while {few} {'was' if len(names) == 1 else 'were'} measured")
    again = "it is" if len(disturbed) == 1 else "they are"
    return f"{', and '.join(told)}; {again} measured again at the next start"


def _picked(numbers: Mapping[str, float], names: Collection[str]) -> dict[str, float]:
    return {name: numbers[name] for name in names if name in numbers}


def _on_one_core(numbers: Mapping[str, float], names: Collection[str]) -> dict[str, float]:
    return {name: numbers.get(one_core(name), numbers[name]) for name in names if name in numbers}


def _between(one: float, everything: float, used: float, cores: int) -> float:
    """A speed that grows evenly from one core to all."""
    return everything if cores <= 1 else one + (everything - one) * (min(used, cores) - 1) / (cores - 1)
