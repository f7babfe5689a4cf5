"""Watch unseen generated clips: are crossings, occupancy, events and taken places right?

`python -m bench.video_events [--kind entrance street parking] [--clips 20] [--model KIND=PATH ...] [--keep]`.

In:  generated clips with exact truth; for `--model`, a model for each kind.
Out: bench/results/video_events.json, or bench/work/results where the clips are not the job's own number.

With the true masks in place of a network, what is wrong is wrong in tracks, rules or log. With a model, the rest is the
network. A model of ten minutes:

    python -c "from smalta.scenes.motion.writing import write_motion_data
    write_motion_data('work', 'entrance', n_train=400, n_val=80, n_test=40)"
    smalta train work --out run --minutes 10

Each clip is watched as a file is: `smalta.video.watch`, with the pace of a file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import RESULTS, exit_on_error, machine_facts, recorded_load, write_result
from bench.true_masks import CELL, ClipVideo, TrueSeer
from smalta.api.paces import paced
from smalta.inference.opened import OpenedModel, open_model
from smalta.inference.predictor import Predictor
from smalta.metrics.events import (
    WITHIN_S,
    crossing_counts,
    crossing_sums,
    event_counts,
    mean_occupancy_error,
    occupancy_sums,
    share_of_time_right,
)
from smalta.metrics.instance import f1
from smalta.metrics.node_counts import relative_error
from smalta.scenes.motion import KINDS, Clip, generate_clip
from smalta.video.logbook.event_lines import Event
from smalta.video.logbook.log_reading import LogReader
from smalta.video.needed_region import needed_region
from smalta.video.pacing import Pace, VideoFacts, pace
from smalta.video.rules import WatchRules
from smalta.video.seeing import Seer
from smalta.video.showing.outputs import Wanted
from smalta.video.watch import Job, header_of, watch

CLIPS, SECONDS, FPS, SIZE_HW = 20, 20.0, 25.0, (360, 640)
FIRST_SEED = 100_000  # training clips have smaller seeds
NAME = "video_events"


def watch_clip(clip: Clip, folder: Path, model: OpenedModel | None) -> list[Event]:
    """The events of a clip, with a model or the true masks."""
    tree = clip.tree if model is None else model.info.tree
    rules = WatchRules.parse(clip.rules, tree).fitted(clip.size_hw)
    video, facts = ClipVideo(clip), VideoFacts(size_hw=clip.size_hw, fps=clip.fps, live=False)
    seer: Any
    if model is None:
        seer, made = TrueSeer(clip, video), _pace(rules, facts)
    else:
        made = paced(model, facts, rules)
        predictor = Predictor(model.runtime(threads=made.cores), model.info, digest=model.digest)
        seer = Seer(predictor, size_hw=clip.size_hw, crop=made.crop)
    digest = "true masks" if model is None else model.digest
    job = Job(
        folder=folder,
        header=header_of(
            rules, model=digest, source=video.source, size_hw=clip.size_hw, live=False, settings=made.to_dict()
        ),
        rules=rules,
        pace=made,
        seer=seer,
        wanted=Wanted(),
        reopen=lambda number: ClipVideo(clip, number),
        report=print,
    )
    watch(video, job, resume=False)
    return list(LogReader(folder))


def _pace(rules: WatchRules, facts: VideoFacts) -> Pace:
    region, why = needed_region(rules, facts.size_hw)
    return pace(facts, stride=CELL, region_xyxy=region, region_why=why)


# -- scores -------------------------------------------------------------------------------------------


def clip_scores(clip: Clip, events: Sequence[Event]) -> dict[str, Any]:
    """Sums for one clip, and what is wrong in it."""
    truth = clip.truth
    true_moments: list[tuple[Any, float]] = [((one.line, one.way), one.time_s) for one in truth.crossings]
    moments: list[tuple[Any, float]] = [((e.name, e.way), e.time_s) for e in events if e.kind == "crossing"]
    true_begins: list[tuple[Any, float]] = [(one.event, one.start_s) for one in truth.contacts]
    begins: list[tuple[Any, float]] = [(e.name, e.time_s) for e in events if e.kind == "begin"]
    counts = crossing_counts([key for key, _ in true_moments], [key for key, _ in moments])
    times = np.arange(clip.n_frames) / clip.fps
    inside = np.stack([occupancy(events, zone, times) for zone in truth.zones], axis=1) if truth.zones else None
    named = np.array([zone in truth.places for zone in truth.zones], dtype=bool)
    taken = np.stack([occupancy(events, place, times) > 0 for place in truth.places], axis=1) if truth.places else None
    return {
        "crossings": crossing_sums(counts),
        "exact": all(true == found for true, found in counts.values()),
        "crossed": event_counts(true_moments, moments),
        "begun": event_counts(true_begins, begins),
        "occupancy": None if inside is None else occupancy_sums(truth.occupancy, inside)[~named].sum(axis=0),
        "taken": None if taken is None else occupancy_sums(truth.taken, taken).sum(axis=0),
        "wrong": {
            "crossings": unmatched(true_moments, moments),
            "events": unmatched(true_begins, begins),
        },
    }


def occupancy(events: Sequence[Event], zone: str, times: np.ndarray) -> np.ndarray:
    """(F,) objects that the log has inside of a zone at each time."""
    changes = [(e.time_s, 1 if e.kind in ("enter", "present") else -1) for e in events if e.zone == zone and _moves(e)]
    changes.sort()
    at = np.array([time_s for time_s, _ in changes])
    total = np.concatenate([[0], np.cumsum([step for _, step in changes])]).astype(np.int64)
    return total[np.searchsorted(at, times + 1e-6, side="right")] if changes else np.zeros(len(times), np.int64)


def _moves(event: Event) -> bool:
    return event.kind in ("enter", "present", "leave")


def unmatched(truth: Sequence[tuple[Any, float]], found: Sequence[tuple[Any, float]]) -> dict[str, list[str]]:
    """Moments of either side without one of the same kind within `WITHIN_S` on the other; greedily, in order."""
    left = sorted(found, key=lambda one: one[1])
    missed = []
    for key, time_s in sorted(truth, key=lambda one: one[1]):
        near = [one for one in left if one[0] == key and abs(one[1] - time_s) <= WITHIN_S]
        if near:
            left.remove(min(near, key=lambda one: abs(one[1] - time_s)))
        else:
            missed.append(f"{key} at {time_s:.2f} s")
    return {"missed": missed, "extra": [f"{key} at {time_s:.2f} s" for key, time_s in left]}


def kind_scores(clips: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores over all clips of a kind."""

    def summed(name: str) -> np.ndarray | None:
        parts = [clip[name] for clip in clips if clip[name] is not None]
        return np.sum(parts, axis=0) if parts else None

    crossings, inside, taken = summed("crossings"), summed("occupancy"), summed("taken")
    crossed, begun = summed("crossed"), summed("begun")
    found: dict[str, Any] = {"clips": len(clips)}
    if crossed is not None and crossed[2]:
        found |= {
            "true_crossings": int(crossed[2]),
            "clips_with_exact_crossings": sum(clip["exact"] for clip in clips),
            "crossings_total_error": _rounded(relative_error(crossings)),
            "crossings_f1": _rounded(f1(crossed)),
        }
    if begun is not None and begun[2]:
        found |= {"true_events": int(begun[2]), "events_f1": _rounded(f1(begun))}
    if inside is not None and inside[2]:
        found |= {"occupancy_mean_error": _rounded(mean_occupancy_error(inside))}
    if taken is not None and taken[2]:
        found |= {"place_seconds_right": _rounded(share_of_time_right(taken))}
    return found


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def measure(kind: str, n: int, model: OpenedModel | None, keep: Path | None) -> dict[str, Any]:
    """Watch n unseen clips of a kind."""
    clips, wrong = [], {}
    for seed in range(FIRST_SEED, FIRST_SEED + n):
        clip = generate_clip(kind, seed, seconds=SECONDS, fps=FPS, size_hw=SIZE_HW)  # type: ignore[arg-type]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "out" if keep is None else keep / f"{kind}_{seed}"
            scores = clip_scores(clip, watch_clip(clip, folder, model))
        clips.append(scores)
        faults = {what: sides for what, sides in scores["wrong"].items() if any(sides.values())}
        if faults:
            wrong[str(seed)] = faults
        print(kind, seed, "exact" if scores["exact"] else "NOT exact", json.dumps(faults), flush=True)
    return kind_scores(clips) | {"wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--model", nargs="+", default=[], metavar="KIND=PATH", help="else the true masks are used")
    parser.add_argument("--keep", type=Path, help="folder for the logs of all clips")
    arguments = parser.parse_args()
    models = {kind: open_model(path) for kind, _, path in (text.partition("=") for text in arguments.model)}
    measured: dict[str, dict[str, Any]] = {}
    with recorded_load() as load:
        for kind in arguments.kind:
            by = "model" if kind in models else "true_masks"
            scores = measure(kind, arguments.clips, models.get(kind), arguments.keep)
            print(kind, by, json.dumps({key: value for key, value in scores.items() if key != "wrong"}, indent=1))
            measured[kind] = {by: scores}
    path = RESULTS / f"{NAME}.json"  # read last, so that another kind may be measured meanwhile
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"kinds": {}}
    for kind, scores in measured.items():
        result["kinds"].setdefault(kind, {}).update(scores)
    result |= {"clip_seconds": SECONDS, "fps": FPS, "size_hw": list(SIZE_HW), "machine": machine_facts(), "load": load}
    write_result(NAME, result, scratch=arguments.clips != CLIPS)


if __name__ == "__main__":
    exit_on_error(main)
