"""How well people of a crowd keep their numbers, beside ByteTrack: `python -m bench.video_tracking [--rival PYTHON]`.

In:  generated crowds (`bench.crowds`); a Python with `trackers`, which is made from bench/rivals/requirements-video.txt
     if none is given.
Out: bench/results/video_tracking.json: IDF1, HOTA and CLEAR by frame rate, and the processor time of a step.

Both programs get the same detections, smalta as masks and ByteTrack as the boxes around them. Both answer with a number
for each detection, and both are scored with the masks of the detections. Pictures do not exist, so nothing moves by
optical flow. Only numbers given at once count: nothing is changed later. The seeds of the settings are others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from bench.common import REPOSITORY, exit_on_error, machine_facts, recorded_load, rival_python, write_result
from bench.crowds import CELL, MISSED, PEOPLE, SECONDS, SHAKE, SIZE_HW, SPLIT, TREE, Frame, frames
from smalta.metrics.tracking import TrackedFrame, Tracking, TrackingSums
from smalta.video.tracks import Tracker

FIRST_SEED, CLIPS = 5000, 20
RATES = (2, 5, 25)
WANTED = {2: (0.65, 0.20), 5: (0.75, 0.10), 25: (0.0, 0.0)}  # IDF1, and how much above ByteTrack
RIVALS: dict[str, dict[str, Any]] = {
    "ByteTrack": {},
    # remembers for three seconds, as smalta does, and gives numbers at once
    "ByteTrack, 90 frames": {
        "lost_track_buffer": 90,
        "minimum_consecutive_frames": 1,
        "track_activation_threshold": 0.5,
    },
}
MANY = 30  # objects of the speed test
REPORTED = ("idf1", "hota", "mota", "ass_a", "det_a", "recall", "precision", "switches", "fragmentations")

Maps = list[tuple[np.ndarray, np.ndarray]]  # true and predicted numbers on cells


def followed(clip: Iterable[Frame]) -> tuple[Maps, list[float]]:
    """Maps of the frames, and processor milliseconds of each step."""
    tracker, maps, milliseconds = Tracker(TREE, size_hw=SIZE_HW, cell=CELL), [], []
    for frame in clip:
        start = time.process_time()
        step = tracker.detected(frame.time_s, frame.found, None)
        milliseconds.append(1000 * (time.process_time() - start))
        numbers = np.zeros(frame.truth.shape, np.int32)
        for track in step.tracks:
            if track.sure and track.seen:
                numbers[track.mask.on(numbers.shape)] = track.number
        maps.append((frame.truth, numbers))
    return maps, milliseconds


def boxes(frame: Frame) -> list[list[float]]:
    """The boxes of the detections, pixels, each with its score."""
    places = ndimage.find_objects(frame.found.instances)
    return [
        [x.start * CELL, y.start * CELL, x.stop * CELL, y.stop * CELL, float(score)]
        for (y, x), score in zip(places, frame.found.scores, strict=True)
    ]


def rival(python: str, clips: list[list[Frame]], fps: int, settings: dict[str, Any]) -> tuple[list[Maps], float]:
    """Maps of each clip, and processor milliseconds of a step."""
    job = {"fps": fps, "settings": settings, "clips": [[boxes(frame) for frame in clip] for clip in clips]}
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "in.json"), Path(folder, "out.json")
        asked.write_text(json.dumps(job), encoding="utf-8")
        script = REPOSITORY / "bench" / "rivals" / "bytetrack.py"
        subprocess.run([python, str(script), str(asked), str(answered)], check=True)
        answer = json.loads(answered.read_text(encoding="utf-8"))
    maps = []
    for clip, ids in zip(clips, answer["ids"], strict=True):
        tables = [np.array([0, *(number + 1 for number in found)], np.int32) for found in ids]
        maps.append([(frame.truth, table[frame.found.instances]) for frame, table in zip(clip, tables, strict=True)])
    return maps, 1000 * answer["seconds"] / answer["frames"]


def sums(maps: Maps) -> TrackingSums:
    """Of one clip."""
    clip = Tracking()
    for truth, numbers in maps:
        clip.add(TrackedFrame.of_maps(truth, numbers))
    return clip.sums()


def scores(clips: Iterable[Maps]) -> dict[str, float]:
    """Of all clips together."""
    first, *others = map(sums, clips)
    for other in others:
        first += other
    found = asdict(first.scores())
    return {name: round(found[name], 4) for name in REPORTED}


def rate_row(python: str, fps: int, seeds: range) -> dict[str, Any]:
    """The scores of all programs at one frame rate."""
    clips = [list(frames(seed, fps)) for seed in seeds]
    ours = [followed(clip) for clip in clips]
    row: dict[str, Any] = {"fps": fps, "smalta": scores(maps for maps, _ in ours)}
    row["smalta"]["step_ms"] = round(float(np.mean([one for _, all_of in ours for one in all_of])), 3)
    for name, settings in RIVALS.items():
        maps, milliseconds = rival(python, clips, fps, settings)
        row[name] = scores(maps) | {"step_ms": round(milliseconds, 3)}
    least, above = WANTED[fps]
    best = max(row[name]["idf1"] for name in RIVALS)
    row["reached"] = row["smalta"]["idf1"] >= least and row["smalta"]["idf1"] >= best + above
    return row


def step_of_many(seed: int) -> dict[str, float]:
    """Processor milliseconds of a step with `MANY` people in the picture."""
    _, milliseconds = followed(frames(seed, 5, people=MANY))
    return {
        "objects": MANY,
        "median_ms": round(float(np.median(milliseconds)), 2),
        "percentile_95_ms": round(float(np.percentile(milliseconds, 95)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rival", metavar="PYTHON", help="a Python that has trackers, instead of one made for it")
    parser.add_argument("--clips", type=int, default=CLIPS, help="another number is a trial")
    options = parser.parse_args()
    python = options.rival or rival_python("video")
    seeds = range(FIRST_SEED, FIRST_SEED + options.clips)
    rows = []
    with recorded_load() as load:
        for fps in RATES:
            rows.append(rate_row(python, fps, seeds))
            print(json.dumps(rows[-1], indent=1), flush=True)
        many = step_of_many(FIRST_SEED)
    result = {
        "machine": machine_facts(),
        "load": load,
        "clips": {
            "number": options.clips,
            "seconds": SECONDS,
            "people": PEOPLE,
            "size_hw": list(SIZE_HW),
            "cell": CELL,
            "missed": MISSED,
            "split": SPLIT,
            "shaky_cells": SHAKE,
        },
        "rivals": RIVALS,
        "rates": rows,
        "step": many,
    }
    print(write_result("video_tracking", result, scratch=options.clips != CLIPS).name, many)


if __name__ == "__main__":
    exit_on_error(main)
