"""How right the planner is: predicted against measured time, and what its choices cost.

`python -m bench.planner`: times what is missing on this processor (`bench.planner_cases`; about 20 minutes on two quiet
cores) and judges. `--judge` only judges the shipped shares, on the cases of this machine's processor. Out:
bench/results/planner.json. `--fit` fits the shares first, to the cases of all processors in bench/results
(`bench.planner_fit`), and writes them to src/smalta/planning/efficiency.json, with the processors that it saw.

**Error**: |predicted / measured - 1| of a case. **Regret**: measured time of the way that the planner chooses, divided
by that of the fastest way that was measured, for each network, size and job. A job is a training, a run folder, or an
exported file in one precision.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.common import REPOSITORY, exit_on_error, machine_facts, write_result
from bench.planner_cases import (
    FIT_ENCODERS,
    HELD_OUT_ENCODERS,
    HELD_OUT_SIDES,
    NETWORK,
    Group,
    Seen,
    all_seen,
    measure_missing,
    seen_here,
)
from bench.planner_fit import Case, fit, predicted, table_of, work_of_case
from bench.planner_ways import N_LEAVES
from smalta.errors import ConfigError
from smalta.planning.cost import fitted
from smalta.planning.plan import Limits
from smalta.planning.planner import best_two
from smalta.runtimes.registry import RUNTIMES

SHARES = REPOSITORY / "src/smalta/planning/efficiency.json"
EXPECTED = {"median_error": 0.15, "worst_error": 0.40, "worst_regret": 1.05}
LEAST_BUSY = 0.6  # of the cores: a case below was disturbed, and is left out
LEAST_CASES = 30
# peak of a fresh process that imported smalta and the runtime, loaded a small model and answered once
PROCESS_BYTES = {"pytorch": 850 * 2**20, "openvino": 190 * 2**20, "onnxruntime": 150 * 2**20, "cuda": 1500 * 2**20}


def quiet(seen: Seen) -> list[Case]:
    """The cases that no other program disturbed."""
    return [case for case in seen.cases if case["busy"] >= LEAST_BUSY * case["streams"] * case["threads"]]


def fitted_to(case: Case) -> bool:
    """Whether the fit may see a case."""
    return case["encoder"] in FIT_ENCODERS and case["side"] not in HELD_OUT_SIDES


def shares_file(processors: Sequence[Seen]) -> dict[str, Any]:
    """What the cost model reads."""
    used = [(case, seen.machine) for seen in processors for case in quiet(seen) if fitted_to(case)]
    return {
        "fitted": {
            "processors": [_processor(seen) for seen in processors],
            "network": NETWORK,
            "cases": len(used),
            "encoders": list(FIT_ENCODERS),
            "command": "python -m bench.planner --fit",
            "not_measured": "everything on a GPU is an assumption",
        },
        "shares": dict(sorted(fit(used).items())),
        "memory": memory([case for case, _ in used]),
    }


def _processor(seen: Seen) -> dict[str, Any]:
    return {
        "name": seen.processor.name,
        "instructions": list(seen.processor.instructions),
        "cores": seen.cores,
        "date": seen.facts["date"][:10],
        "cases": sum(map(fitted_to, quiet(seen))),
    }


def memory(found: Sequence[Case]) -> dict[str, float]:
    """Bytes of each runtime itself, and what a process holds more for every byte that the trace has alive.

    The latter is the 90th percentile over all cases, because a limit that is broken is worse than one that is not used.
    """
    result: dict[str, float] = dict(PROCESS_BYTES)
    result |= {f"{runtime}.{task}": 1.5 for runtime in PROCESS_BYTES for task in ("inference", "training")}
    slopes: dict[str, list[float]] = defaultdict(list)
    smallest: dict[tuple[Any, ...], Case] = {}
    for case in sorted((case for case in found if case.get("peak")), key=lambda case: case["side"]):
        group = tuple(case[name] for name in Group.__dataclass_fields__)
        first = smallest.setdefault(group, case)
        grown = _alive(case) - _alive(first)
        if grown > 100 * 2**20:
            more = case["peak"] - first["peak"] - _answers(case) + _answers(first)
            slopes[f"{case['runtime']}.{case['task']}"].append(more / grown)
    return result | {name: round(float(np.quantile(values, 0.9)), 2) for name, values in slopes.items()}


def _alive(case: Case) -> float:
    narrow = {"bf16": 0.5, "int8": 0.25}.get(case["precision"], 1.0) if RUNTIMES[case["runtime"]].graph else 1.0
    return case["streams"] * table_of(case).live_bytes * narrow


def _answers(case: Case) -> float:
    return case["streams"] * case["side"] ** 2 * (4 * N_LEAVES + 3) if case["task"] == "inference" else 0.0


# -- the verdict --------------------------------------------------------------------------------------


def judge(seen: Seen, shares: Mapping[str, float]) -> dict[str, Any]:
    """Errors and regrets of these shares on one processor."""
    found, machine = quiet(seen), seen.machine
    parts: dict[str, list[Case]] = {
        "all": found,
        "fitted": [case for case in found if fitted_to(case)],
        "held_out_sizes": [c for c in found if c["encoder"] in FIT_ENCODERS and c["side"] in HELD_OUT_SIDES],
        "held_out_encoders": [case for case in found if case["encoder"] in HELD_OUT_ENCODERS],
        "one_thread": [case for case in found if case["streams"] * case["threads"] == 1],
    }
    for case in found:
        precision = f"{case['runtime']} {case['precision']}"
        parts.setdefault(f"{case['task']} {precision}", []).append(case)
        parts.setdefault(f"{case['side']} px", []).append(case)
    errors = {
        name: np.array([abs(predicted(c, machine, shares) / c["seconds"] - 1) for c in part])
        for name, part in parts.items()
    }
    by_job: dict[str, list[float]] = defaultdict(list)
    for job, regret in regrets(seen):
        by_job[job].append(regret)
        by_job["all"].append(regret)
    return {
        "errors": {name: _summary(values) for name, values in errors.items() if len(values)},
        "regret": {job: _summary(np.array(values)) for job, values in by_job.items()},
    }


def regrets(seen: Seen) -> Iterator[tuple[str, float]]:
    """Each choice of the planner among the ways that were measured, by job."""
    choices: dict[tuple[Any, ...], list[Case]] = defaultdict(list)
    for case in quiet(seen):
        if case["keep"]:
            for job in _jobs(case):
                choices[job, case["encoder"], case["side"], case["streams"] * case["threads"] == 1].append(case)
    for (job, _, _, one_thread), ways in choices.items():
        runtimes, precisions = ({case[name] for case in ways} for name in ("runtime", "precision"))
        work = work_of_case(ways[0], runtimes, precisions)
        try:
            way = best_two(work, seen.machine, Limits(threads=1 if one_thread else None))[0].way
        except ConfigError:
            continue
        mine = [case for case in ways if all(case[name] == getattr(way, name) for name in _CHOSEN)]
        if mine and len(ways) > 1:
            yield (f"{job}, one thread" if one_thread else job), mine[0]["seconds"] / min(c["seconds"] for c in ways)


_CHOSEN = ("runtime", "layout", "precision", "streams", "threads")


def _jobs(case: Case) -> list[str]:
    """The jobs that a case is a way for; a file in bf16 may also run in fp32."""
    if case["task"] == "training":
        return ["training"]
    if case["runtime"] == "pytorch":
        return ["run folder"]
    return [f"{case['precision']} file", *(["bf16 file"] if case["precision"] == "fp32" else [])]


def _summary(values: np.ndarray) -> dict[str, float]:
    return {
        "n": len(values),
        "median": round(float(np.median(values)), 3),
        "p90": round(float(np.quantile(values, 0.9)), 3),
        "worst": round(float(values.max()), 3),
    }


def _rows(seen: Seen, shares: Mapping[str, float]) -> list[dict[str, Any]]:
    names = ("task", "encoder", "side", "batch", "runtime", "layout", "precision", "streams", "threads", "keep")
    machine = seen.machine
    return [
        {name: case[name] for name in names}
        | {
            "measured_ms": round(1e3 * case["seconds"], 3),
            "predicted_ms": round(1e3 * predicted(case, machine, shares), 3),
        }
        for case in quiet(seen)
    ]


def sentence(verdict: Mapping[str, Any]) -> str:
    """The verdict in one sentence."""
    errors = verdict["errors"]["all"]
    regret = verdict["regret"].get("all", {"n": 0, "median": 1.0, "worst": 1.0})
    return (
        f"Predicted time is off by {100 * errors['median']:.0f} % in the median, {100 * errors['p90']:.0f} % in the "
        f"90th percentile and {100 * errors['worst']:.0f} % at worst of {errors['n']} cases; what the planner chooses "
        f"takes {regret['median']:.2f} times as long as the best measured way in the median and {regret['worst']:.2f} "
        f"at worst of {regret['n']} choices"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--fit", action="store_true", help="fit the shares that smalta is delivered with")
    parser.add_argument("--judge", action="store_true", help="time nothing; judge the shipped shares on this processor")
    parser.add_argument("--least", type=int, default=LEAST_CASES, help="number of cases that a verdict needs")
    options = parser.parse_args()
    here = seen_here() if options.judge else measure_missing()
    number = len(quiet(here))
    if number < options.least:
        raise ConfigError(f"only {number} quiet cases are there; run `python -m bench.planner` on a quiet machine")
    if options.fit:
        SHARES.write_text(json.dumps(shares_file(all_seen()), indent=1) + "\n", encoding="utf-8")
        fitted.cache_clear()
    shares = fitted()["shares"]
    verdict = judge(here, shares)
    result = {
        "command": "python -m bench.planner",
        "sentence": sentence(verdict),
        **verdict,
        "expected": EXPECTED,
        "left_out_as_disturbed": len(here.cases) - len(quiet(here)),
        "fit": fitted()["fitted"],
        "machine": machine_facts(),
        "rates": here.machine.to_dict()["rates"],
        "cases": _rows(here, shares),
    }
    write_result("planner", result, scratch=number < LEAST_CASES)
    print(result["sentence"])
    print(json.dumps(verdict, indent=1))


if __name__ == "__main__":
    exit_on_error(main)
