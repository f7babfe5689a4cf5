"""How right the planner is: predicted against measured time, and what its choices cost.

`python -m bench.planner`: times what is missing (`bench.planner_cases`; an hour and a half on two cores) and judges the
cost model on all cases, those of the encoders and sizes apart that the fit never saw. Out: bench/results/planner.json.
With `--fit` the shares of the cost model are fitted first, to the cases of four encoders (`bench.planner_fit`), and
written to src/smalta/planning/efficiency.json.

**Error**: |predicted / measured - 1| of a case. **Regret**: measured time of the way that the planner chooses, divided
by that of the fastest way that was measured; for each encoder, size, precision and task over all runtimes, layouts
and streams, with the precision left to the planner too, and within each runtime.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.common import REPOSITORY, exit_on_error, machine_facts, write_result
from bench.planner_cases import (
    FIT_ENCODERS,
    HELD_OUT_ENCODERS,
    HELD_OUT_SIDES,
    N_LEAVES,
    Group,
    cases,
    measure_missing,
    rates_seen,
)
from bench.planner_fit import Case, errors_of, fit, predicted, table_of
from smalta.errors import ConfigError
from smalta.planning.cost import fitted
from smalta.planning.machine import Machine, this_machine
from smalta.runtimes.registry import RUNTIMES

SHARES = REPOSITORY / "src/smalta/planning/efficiency.json"
EXPECTED = {"median_error": 0.15, "median_regret": 1.05, "p90_regret": 1.15}
LEAST_BUSY = 0.6  # of the cores: a case below was disturbed, and is left out
# peak of a fresh process that imported smalta and the runtime, loaded a small model and answered once
PROCESS_BYTES = {"pytorch": 850 * 2**20, "openvino": 190 * 2**20, "onnxruntime": 150 * 2**20, "cuda": 1500 * 2**20}


def seen(case: Case) -> bool:
    """Whether the fit may see a case."""
    return case["encoder"] in FIT_ENCODERS and case["side"] not in HELD_OUT_SIDES


def shares_file(found: Sequence[Case], machine: Machine) -> dict[str, Any]:
    """What the cost model reads."""
    used = [case for case in found if seen(case)]
    return {
        "fitted": {
            "date": max(case["date"] for case in used)[:10],
            "processor": machine.processor.name,
            "instructions": list(machine.processor.instructions),
            "cores": machine.cores,
            "cases": len(used),
            "encoders": list(FIT_ENCODERS),
            "command": "python -m bench.planner --fit",
            "not_measured": "int8, and everything on a GPU, are assumptions",
        },
        "shares": dict(sorted(fit(used, machine).items())),
        "memory": memory(used),
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
    narrow = case["precision"] == "bf16" and RUNTIMES[case["runtime"]].graph
    return case["streams"] * table_of(case).live_bytes * (0.5 if narrow else 1.0)


def _answers(case: Case) -> float:
    return case["streams"] * case["side"] ** 2 * (4 * N_LEAVES + 3) if case["task"] == "inference" else 0.0


def judge(found: Sequence[Case], machine: Machine, shares: Mapping[str, float]) -> dict[str, Any]:
    """Errors and regrets."""

    def predict(case: Case) -> float:
        return predicted(case, machine, shares)

    parts = {
        "all": list(found),
        "fitted": [case for case in found if seen(case)],
        "held_out_sizes": [c for c in found if c["encoder"] in FIT_ENCODERS and c["side"] in HELD_OUT_SIDES],
        "held_out_encoders": [case for case in found if case["encoder"] in HELD_OUT_ENCODERS],
        "inference": [case for case in found if case["task"] == "inference"],
        "training": [case for case in found if case["task"] == "training"],
    }
    own, free = regrets(found, predict, "precision"), regrets(found, predict)
    within = regrets(found, predict, "precision", "runtime")
    unseen = {key for key in own if key[1] in HELD_OUT_ENCODERS or key[2] in HELD_OUT_SIDES}
    return {
        "errors": {name: _summary(errors_of(part, predict)) for name, part in parts.items() if part},
        "regret": {
            "precision_given": _summary(np.array(list(own.values()))),
            "precision_given_unseen": _summary(np.array([own[key] for key in unseen])),
            "precision_free": _summary(np.array(list(free.values()))),
            "runtime_given": _summary(np.array(list(within.values()))),
        },
    }


def regrets(found: Sequence[Case], predict: Callable[[Case], float], *given: str) -> dict[tuple[Any, ...], float]:
    """Of each choice among at least two measured ways that keep their memory; what is `given` is not chosen."""
    choices: dict[tuple[Any, ...], list[Case]] = defaultdict(list)
    for case in found:
        if case["keep"]:
            choices[tuple(case[name] for name in ("task", "encoder", "side", *given))].append(case)
    return {
        key: min(ways, key=predict)["seconds"] / min(case["seconds"] for case in ways)
        for key, ways in choices.items()
        if len(ways) > 1
    }


def _summary(values: np.ndarray) -> dict[str, float]:
    return {
        "n": len(values),
        "median": round(float(np.median(values)), 3),
        "p90": round(float(np.quantile(values, 0.9)), 3),
        "worst": round(float(values.max()), 3),
    }


def _rows(found: Sequence[Case], machine: Machine, shares: Mapping[str, float]) -> list[dict[str, Any]]:
    names = ("task", "encoder", "side", "batch", "runtime", "layout", "precision", "streams", "threads", "keep")
    return [
        {name: case[name] for name in names}
        | {
            "measured_ms": round(1e3 * case["seconds"], 3),
            "predicted_ms": round(1e3 * predicted(case, machine, shares), 3),
        }
        for case in found
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--fit", action="store_true", help="fit the shares that smalta is delivered with")
    options = parser.parse_args()
    measure_missing()
    everything = cases()
    found = [case for case in everything if case["busy"] >= LEAST_BUSY * case["streams"] * case["threads"]]
    if len(found) < 30:
        raise ConfigError(f"only {len(found)} cases were measured; run `python -m bench.planner` on a quiet machine")
    machine = rates_seen(this_machine())
    if options.fit:
        SHARES.write_text(json.dumps(shares_file(found, machine), indent=1) + "\n", encoding="utf-8")
        fitted.cache_clear()
    shares = fitted()["shares"]
    verdict = judge(found, machine, shares)
    errors, regret = verdict["errors"], verdict["regret"]["precision_given"]
    result = {
        "command": "python -m bench.planner",
        "sentence": f"Predicted time is off by {100 * errors['all']['median']:.0f} % in the median and "
        f"{100 * errors['all']['p90']:.0f} % in the 90th percentile of {errors['all']['n']} cases, and by "
        f"{100 * errors['held_out_encoders']['median']:.0f} and {100 * errors['held_out_encoders']['p90']:.0f} % for "
        f"encoders that the fit never saw; what the planner chooses takes {regret['median']:.2f} times as long as the "
        f"best of all measured ways in the median, {regret['p90']:.2f} in the 90th percentile of {regret['n']} choices",
        **verdict,
        "expected": EXPECTED,
        "left_out_as_disturbed": len(everything) - len(found),
        "fit": fitted()["fitted"],
        "machine": machine_facts(),
        "rates": machine.to_dict()["rates"],
        "cases": _rows(found, machine, shares),
    }
    write_result("planner", result)
    print(result["sentence"])
    print(json.dumps(verdict, indent=1))


if __name__ == "__main__":
    exit_on_error(main)
