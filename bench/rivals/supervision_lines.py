"""What supervision's LineZone counts on the generated walks. Runs in the rivals' environment.

In:  the seeds of `bench.walks`. Out: a JSON file: by kind, [in, out] of each walk.

The anchor is the foot (BOTTOM_CENTER); all other settings are the defaults. One clear crossing of each line shows which
of its directions is "in".
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import supervision as sv

from bench.walks import KINDS, WIDTH, Walk, make_walk


def line_zone(walk: Walk) -> sv.LineZone:
    start, end = (sv.Point(*place) for place in (walk.start_xy, walk.end_xy))
    return sv.LineZone(start=start, end=end, triggering_anchors=[sv.Position.BOTTOM_CENTER])


def show(zone: sv.LineZone, number: int, foot_xy: tuple[float, float], height: float) -> None:
    """One detection, as a box that stands on the foot."""
    (x, y), half = foot_xy, height * WIDTH / 2
    box = np.array([[x - half, y - height, x + half, y]])
    zone.trigger(sv.Detections(xyxy=box, class_id=np.array([0]), tracker_id=np.array([number])))


def counts(walk: Walk) -> tuple[int, int]:
    """In and out in the walk's own directions."""
    (x0, y0), (x1, y1) = walk.start_xy, walk.end_xy
    sign = 0.2 if walk.in_side == "right" else -0.2
    step = (-(y1 - y0) * sign, (x1 - x0) * sign)  # inwards
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    tried = line_zone(walk)
    for way in (-1, -1, 1, 1):
        show(tried, 1, (middle[0] + way * step[0], middle[1] + way * step[1]), 50)
    if tried.in_count + tried.out_count != 1:
        raise RuntimeError("one clear crossing was not counted once")
    zone = line_zone(walk)
    for number, (y, x), height in zip(walk.ids.tolist(), walk.feet_yx.tolist(), walk.heights.tolist(), strict=True):
        if number:
            show(zone, number, (x, y), height)
    found = (zone.in_count, zone.out_count)
    return found if tried.in_count else found[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("first", type=int, help="seed of the first walk")
    parser.add_argument("walks", type=int)
    parser.add_argument("json", type=Path)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.walks)
    found = {kind: [counts(make_walk(kind, seed)) for seed in seeds] for kind in KINDS}
    options.json.write_text(json.dumps({"version": version("supervision"), "counts": found}), encoding="utf-8")


if __name__ == "__main__":
    main()
