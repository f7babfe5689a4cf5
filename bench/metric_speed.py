"""How fast objects are scored: smalta against panopticapi and against StarDist's matching, on the same maps.

`python -m bench.metric_speed`. In: SMALTA_DATA. Out: bench/results/metric_speed.json.

`bench/rivals/metrics_speed.py` does the work in the rivals' environment and stops if the numbers differ.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from bench.common import (
    REPOSITORY,
    WORK,
    data_root,
    exit_on_error,
    machine_facts,
    recorded_load,
    rival_python,
    run,
    write_result,
)

EXPECTED = 2.0
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def sentence(facts: dict[str, Any]) -> str:
    """What the page of benchmarks says about the two ratios."""
    panoptic, nuclei = facts["panoptic"], facts["nuclei"]
    return (
        f"Scoring on one core, maps in memory: PQ of {panoptic['pictures']} COCO pictures "
        f"{told(panoptic, 'panopticapi')}; ten IoU thresholds on {nuclei['pictures']} pictures with {nuclei['true']} "
        f"nuclei {told(nuclei, 'StarDist')}"
    )


def told(part: dict[str, Any], rival: str) -> str:
    """Seconds of both sides and their ratio."""
    ours, theirs = part["seconds"]["smalta"], part["seconds"]["rival"]
    return f"{ours:.2f} s, {rival} {theirs:.2f} s, ratio {part['ratio']:.1f}"


def main() -> None:
    answer = WORK / "runs" / "metric_speed.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    python = rival_python("metrics")
    with recorded_load() as load:
        run(
            *(python, "-m", "bench.rivals.metrics_speed", str(data_root()), str(answer)),
            PYTHONPATH=str(REPOSITORY / "src"),
            **ONE_CORE,
        )
    facts = json.loads(answer.read_text(encoding="utf-8"))
    result = facts | {
        "command": "python -m bench.metric_speed",
        "sentence": sentence(facts),
        "expected_ratio": EXPECTED,
        "load": load,
        "machine": machine_facts(),
    }
    print(f"wrote {write_result('metric_speed', result).name}: {result['sentence']}")
    if min(facts["panoptic"]["ratio"], facts["nuclei"]["ratio"]) < EXPECTED:
        sys.exit(f"bench: expected a ratio of at least {EXPECTED:g} on both")


if __name__ == "__main__":
    exit_on_error(main)
