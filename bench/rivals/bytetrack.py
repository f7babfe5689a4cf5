"""The rival: ByteTrack of roboflow's trackers, on boxes from files.

`python bench/rivals/bytetrack.py IN OUT`

In:  IN.json: {"fps": 5, "settings": {...}, "clips": [[frame, ...], ...]}; a frame is a list of [left, top, right,
     bottom, score] in pixels; "settings" are arguments of `ByteTrackTracker`.
Out: OUT.json: {"ids": [[[id of each box, ...], ...], ...], "seconds": processor time, "frames": number}; an id of -1
     says that the box belongs to no track yet.

Must not know: smalta, which is not in the rivals' environments.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker


def ids_of(tracker: ByteTrackTracker, boxes: list[list[float]]) -> list[int]:
    """The id of each box of the next frame; -1 where it has none."""
    table = np.array(boxes, dtype=np.float32).reshape(-1, 5)
    found = tracker.update(
        sv.Detections(
            xyxy=table[:, :4],
            confidence=table[:, 4],
            class_id=np.zeros(len(table), dtype=int),
            data={"row": np.arange(len(table))},
        )
    )
    ids = [-1] * len(table)
    for row, number in zip(found.data.get("row", ()), found.tracker_id, strict=True):
        ids[int(row)] = int(number)
    return ids


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers, seconds = [], 0.0
    for clip in job["clips"]:
        tracker = ByteTrackTracker(frame_rate=job["fps"], **job["settings"])
        start = time.process_time()
        answers.append([ids_of(tracker, boxes) for boxes in clip])
        seconds += time.process_time() - start
    answer = {"ids": answers, "seconds": seconds, "frames": sum(map(len, job["clips"]))}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
