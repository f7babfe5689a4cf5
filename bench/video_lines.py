"""Lines, by tracks alone: are the crossings of generated walks counted right? smalta beside two others.

`python -m bench.video_lines [--walks N] [--first SEED]`. Out: bench/results/video_lines.json. Measures no time.

A walk is right if as many came in and as many went out as in truth. Settings were chosen on other seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from bench.common import REPOSITORY, WORK, exit_on_error, machine_facts, rival_python, write_result
from bench.rivals import ultralytics_lines
from bench.walks import CONFIRMED_FRAMES, GIVEN_UP_S, KINDS, WIDTH, Walk, make_walk
from smalta.video.crossing import Crossing, LineCounter, Moving
from smalta.video.rules import Line

WALKS = 1000
FIRST = 100_000  # seed of the first judged walk; those below were used to choose settings
EXPECTED = 0.999
ULTRALYTICS = "8.3 (the rule, written anew; given the foot instead of the centre of the box)"


def crossings(walk: Walk) -> list[Crossing]:
    """What smalta's line counts: tracks are sure after three frames, and given up 2 s after they were last seen."""
    side = "right" if walk.in_side == "right" else "left"
    counter = LineCounter(Line(name="line", start_xy=walk.start_xy, end_xy=walk.end_xy, in_side=side, of=0))
    found: list[Crossing] = []
    times_seen: dict[int, int] = {}
    last: dict[int, Moving] = {}
    last_s: dict[int, float] = {}
    for k, time_s in enumerate(walk.times.tolist()):
        number = int(walk.ids[k])
        moving = []
        if number:
            times_seen[number] = times_seen.get(number, 0) + 1
            last_s[number] = time_s
            last[number] = Moving(
                number=number,
                foot_yx=(float(walk.feet_yx[k, 0]), float(walk.feet_yx[k, 1])),
                velocity_yx=(float(walk.velocities_yx[k, 0]), float(walk.velocities_yx[k, 1])),
                height=float(walk.heights[k]),
                width=float(walk.heights[k]) * WIDTH,
                sure=times_seen[number] >= CONFIRMED_FRAMES,
                seen=True,
                cut=False,
            )
            moving.append(last[number])
        ended = [other for other in last if time_s - last_s[other] > GIVEN_UP_S]
        moving += [unseen(one) for other, one in last.items() if other != number and other not in ended]
        for other in ended:
            del last[other]
        found += counter.step(time_s, moving, ended)
    return found


def unseen(one: Moving) -> Moving:
    """The same track in a frame in which it is hidden."""
    return Moving(
        number=one.number,
        foot_yx=one.foot_yx,
        velocity_yx=one.velocity_yx,
        height=one.height,
        width=one.width,
        sure=one.sure,
        seen=False,
        cut=one.cut,
    )


def table(seeds: range, rivals: dict[str, Any]) -> dict[str, Any]:
    """By kind: right walks of each side, and crossings of smalta that are doubtful."""
    rows = {}
    for kind in KINDS:
        row = {"walks": len(seeds), "smalta": 0, "supervision": 0, "ultralytics": 0, "true": 0, "doubtful": 0}
        wrong = []
        for place, seed in enumerate(seeds):
            walk = make_walk(kind, seed)
            truth = (walk.truth.count("in"), walk.truth.count("out"))
            found = crossings(walk)
            ours = tuple(sum(one.way == way for one in found) for way in ("in", "out"))
            row["smalta"] += ours == truth
            row["supervision"] += tuple(rivals["counts"][kind][place]) == truth if rivals else 0
            row["ultralytics"] += ultralytics_lines.counts(walk) == truth
            row["true"] += len(walk.truth)
            row["doubtful"] += sum(not one.sure for one in found)
            wrong += [seed] if ours != truth else []
        rows[kind] = row | {"wrong_seeds": wrong[:10]}
        print(f"{kind:32s} {row}", flush=True)
    return rows


def supervision_counts(seeds: range) -> dict[str, Any]:
    """What supervision counts, in a process and an environment of its own."""
    answer = WORK / "runs" / "video_lines.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    python = rival_python("video")
    command = [python, "-m", "bench.rivals.supervision_lines", str(seeds.start), str(len(seeds)), str(answer)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    return json.loads(answer.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--walks", type=int, default=WALKS)
    parser.add_argument("--first", type=int, default=FIRST, help="seed of the first walk of each kind")
    parser.add_argument("--alone", action="store_true", help="without the other programs")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.walks)
    rivals = {} if options.alone else supervision_counts(seeds)
    rows = table(seeds, rivals)
    whole = (options.walks, options.first, options.alone) == (WALKS, FIRST, False)
    result = {
        "command": "python -m bench.video_lines",
        "kinds": rows,
        "expected_share": EXPECTED,
        "first_seed": options.first,
        "rivals": {"supervision": rivals.get("version"), "ultralytics": ULTRALYTICS},
        "machine": machine_facts(),
    }
    print(f"wrote {write_result('video_lines', result, scratch=not whole).name}")
    if any(row["smalta"] < EXPECTED * row["walks"] for row in rows.values()):
        sys.exit(f"bench: expected {EXPECTED:.1%} of each kind to be right")


if __name__ == "__main__":
    exit_on_error(main)
