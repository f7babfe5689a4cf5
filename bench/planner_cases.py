"""Time the candidates that the planner chooses among: one group of cases per process.

`python -m bench.planner_cases GROUP`; without GROUP, the names of those not measured yet; `--all` measures them. A
group is an encoder and a way to run it, over all sizes. Out: bench/results/planner_cases_PROCESSOR.json, with speeds
of the machine that were measured between the groups. It is written after each group, so an interrupted measurement goes
on where it stopped. About 20 minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import json
import mmap
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from statistics import median
from typing import Any

from bench.common import REPOSITORY, RESULTS, exit_on_error, machine_facts, write_result
from smalta.errors import ConfigError
from smalta.planning.facts import Processor, processor
from smalta.planning.machine import Machine
from smalta.planning.measuring import measure as measure_rates
from smalta.planning.rates import Rates, precisions_of
from smalta.system.cores import usable_cores
from smalta.system.records import read_record

FIT_ENCODERS = ("tf_efficientnet_lite0", "resnet18", "plain", "regnetx_004")
HELD_OUT_ENCODERS = ("mobilenetv2_100", "resnet26")
INFERENCE_SIDES = (256, 512, 1024)
TRAINING_SIDES = (128, 192, 320)
HELD_OUT_SIDES = (512, 192)
NETWORK = "normalisation folded into convolutions, optimiser with Muon"  # cases of another network are no longer true


@dataclass(frozen=True, slots=True)
class Group:
    """A way to run an encoder.

    Attributes:
        task: "inference" or "training".
        encoder: its timm name.
        runtime: "pytorch", "openvino" or "onnxruntime".
        layout: "channels_last" or "channels_first"; of no meaning outside PyTorch.
        precision: "fp32", "bf16" or "int8".
        streams: passes side by side.
        threads: of each.
        keep: whether large blocks of memory are kept between passes.
    """

    task: str
    encoder: str
    runtime: str
    layout: str = "channels_last"
    precision: str = "fp32"
    streams: int = 1
    threads: int = 2
    keep: bool = True

    @property
    def name(self) -> str:
        """One word for the command line."""
        words = (self.task, self.encoder, self.runtime, self.layout, self.precision, f"{self.streams}x{self.threads}")
        return "/".join([*words, "kept" if self.keep else "given-back"])

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the pictures or crops, pixels."""
        return TRAINING_SIDES if self.task == "training" else INFERENCE_SIDES


def groups(cores: int, precisions: Sequence[str]) -> Iterator[Group]:
    """All that is measured on a machine with so many cores, one encoder after the other."""
    floats = [precision for precision in precisions if precision != "int8"]
    shapes = sorted({(1, cores), (cores, 1), (1, 1)})
    for encoder in (*FIT_ENCODERS, *HELD_OUT_ENCODERS):
        for task in ("inference", "training"):
            for precision in floats:
                for layout in ("channels_last", "channels_first"):
                    yield Group(task, encoder, "pytorch", layout, precision, 1, cores)
            if cores > 1:
                yield Group(task, encoder, "pytorch", threads=1)
        for precision in precisions:
            for streams, threads in shapes:
                yield Group("inference", encoder, "openvino", precision=precision, streams=streams, threads=threads)
        for precision in ("fp32", "int8"):
            for threads in sorted({1, cores}):
                yield Group("inference", encoder, "onnxruntime", precision=precision, threads=threads)
        if encoder == FIT_ENCODERS[0]:
            for task in ("inference", "training"):
                yield Group(task, encoder, "pytorch", threads=cores, keep=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The cases of one processor.

    Attributes:
        processor: its facts.
        cores: number of usable ones.
        network: what was timed, as `NETWORK`.
        rates: "numbers" by name and which were "disturbed", one entry for each measurement between the groups.
        page_bytes: of a page of memory.
        cases: one for each group and size.
        facts: of the machine and the versions, when it began.
    """

    processor: Processor
    cores: int
    network: str
    rates: tuple[Mapping[str, Mapping[str, Any]], ...]
    page_bytes: int
    cases: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its result file."""
        return f"planner_cases_{slug(self.processor)}"

    @property
    def machine(self) -> Machine:
        """The machine, with the median of each speed over its undisturbed measurements, if there are any."""
        numbers = {}
        for name in self.rates[0]["numbers"]:
            quiet = [one["numbers"][name] for one in self.rates if name not in one["disturbed"]]
            numbers[name] = median(quiet or [one["numbers"][name] for one in self.rates])
        return Machine(
            processor=self.processor,
            cores=self.cores,
            memory_bytes=round(self.facts["memory_gib"] * 2**30),
            memory_limit=None,
            glibc=self.facts["system"].startswith("Linux"),
            rates=Rates.of(numbers, self.page_bytes, {}),
            versions=self.facts["versions"],
            measured=self.facts["date"],
        )


def slug(known: Processor) -> str:
    """A processor and its instructions as a part of a file's name.

    Example:
        >>> from smalta.planning.facts import Caches
        >>> slug(Processor(name="A CPU", architecture="x86_64", caches=Caches(), instructions=("AVX2", "bf16")))
        'a-cpu-avx2-bf16'
    """
    return re.sub(r"[^a-z0-9]+", "-", " ".join((known.name, *known.instructions)).lower()).strip("-")


def all_seen() -> list[Seen]:
    """The cases of every processor that was measured with the present network."""
    found = [_read(path.stem) for path in sorted(RESULTS.glob("planner_cases_*.json"))]
    return [seen for seen in found if seen is not None and seen.network == NETWORK]


def seen_here() -> Seen:
    """The cases of this processor so far."""
    facts = processor()
    found = _read(f"planner_cases_{slug(facts)}")
    if found is not None and (found.network, found.cores) == (NETWORK, usable_cores()):
        return found
    return Seen(
        processor=facts,
        cores=usable_cores(),
        network=NETWORK,
        rates=(),
        page_bytes=mmap.PAGESIZE,
        cases=(),
        facts=machine_facts(),
    )


def _read(name: str) -> Seen | None:
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    return read_record(Seen, json.loads(path.read_text(encoding="utf-8")), what=path.name, complete=True)


def missing(seen: Seen) -> list[Group]:
    """Groups that were not measured yet."""
    names = [entry.name for entry in fields(Group)]
    done = {tuple(case[name] for name in names) for case in seen.cases}
    wanted = groups(seen.cores, precisions_of(seen.processor))
    return [group for group in wanted if tuple(getattr(group, name) for name in names) not in done]


def measure(group: Group) -> list[dict[str, Any]]:
    """Time all sizes of a group in this process."""
    from bench.planner_ways import WAYS, timed
    from smalta.system.allocator import keep_large_blocks

    if group.keep and group.runtime == "pytorch":
        keep_large_blocks()
    found = []
    for side, batch, step, per_call in WAYS[group.task, group.runtime](group):
        case = {**asdict(group), "side": side, "batch": batch, **timed(step, per_call)}
        found.append(case | {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        print(f"{group.name} {side}: {1e3 * case['seconds']:.2f} ms (busy {case['busy']})", file=sys.stderr, flush=True)
    return found


def measure_missing(*, most: int | None = None) -> Seen:
    """Measure what is missing, each group in a process of its own, and the machine before each encoder.

    Args:
        most: number of groups; None for all.
    """
    seen = seen_here()
    encoder = None
    for group in missing(seen)[:most]:
        if group.encoder != encoder:
            encoder = group.encoder
            rates = measure_rates(seen.cores, seen.processor)
            told = {"numbers": rates.numbers, "disturbed": dict(rates.disturbed)}
            seen = replace(seen, rates=(*seen.rates, told))
        done = subprocess.run(
            [sys.executable, "-m", "bench.planner_cases", group.name],
            check=True,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        seen = replace(seen, cases=(*seen.cases, *json.loads(done)))
        write_result(seen.name, asdict(seen))
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("group", nargs="?")
    parser.add_argument("--all", action="store_true", help="measure all groups that are missing")
    parser.add_argument("--most", type=int, help="measure at most so many groups")
    options = parser.parse_args()
    if options.all or options.most:
        measure_missing(most=options.most)
        return
    here = seen_here()
    known = {group.name: group for group in groups(here.cores, precisions_of(here.processor))}
    if options.group is None:
        print("\n".join(group.name for group in missing(here)))
    elif options.group in known:
        print(json.dumps(measure(known[options.group])))
    else:
        raise ConfigError(f"there is no group {options.group!r}; without a name, those that are missing are listed")


if __name__ == "__main__":
    exit_on_error(main)
