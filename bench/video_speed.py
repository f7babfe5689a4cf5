"""Is a camera followed on two cores, what does each part of a frame cost, and what do key frames cost in IDF1?

`python -m bench.video_speed [--model KIND=MODEL ...] [--clips N] [--seconds S] [--live-seconds S]`.

In:  models of generated clips, as `smalta train` makes them of `smalta.scenes.motion`; without any, the shipped model
     stands in for the time of a network, and IDF1 is measured with true masks only.
Out: bench/results/video_speed.json, or bench/work/results/ where the options are not the usual ones.

1. live: a clip of 640 x 360 px at 25 frames a second comes in real time, and a watch with all its parts follows it.
2. parts: processor time a frame of each part, alone, over all threads.
3. idf1: every frame through the network beside the key frames of the pace, on the same clips; all frames are scored.

Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import WORK, exit_on_error, machine_facts, recorded_load, write_result
from bench.live_clip import LiveClip
from bench.true_masks import ClipVideo, TrueSeer
from smalta.api.paces import paced
from smalta.demo.shipped import shipped_model
from smalta.errors import ConfigError
from smalta.inference.opened import open_model
from smalta.inference.predictor import Predictor, load
from smalta.metrics.tracked_frame import TrackedFrame
from smalta.metrics.tracking import Tracking, TrackingSums
from smalta.planning.machine import this_machine
from smalta.scenes.motion import KINDS, Clip, generate_clip
from smalta.scenes.motion.writing import write_clip
from smalta.video.events import EventEngine
from smalta.video.flow import Flow
from smalta.video.frames import open_video
from smalta.video.log import EventLog
from smalta.video.motion import Motion
from smalta.video.pacing import Pace, VideoFacts
from smalta.video.reading.items import Frame
from smalta.video.rules import WatchRules
from smalta.video.seeing import Seer
from smalta.video.showing.outputs import Wanted
from smalta.video.sight import Sees, Sight
from smalta.video.tracks import Tracker
from smalta.video.values import Track
from smalta.video.watch import Job, header_of, watch

SIZE_HW, FPS, CORES = (360, 640), 25.0, 2
FIRST_SEED = 900_000  # of clips that no training has seen
CLIPS, SECONDS, LIVE_SECONDS = 20, 20.0, 60.0
MOST_MS = {"reading": 6.0, "flow": 4.0, "tracks_rules_log": 8.0}  # a frame
LEAST_KEYS, MOST_LOSS = 4.0, 0.03  # key frames a second; IDF1
MOST_BEHIND = 1.0  # seconds, for 95 % of the frames


class Seen:
    """What a seer sees, remembered for the frame that it saw last: two sights share one pass of the network."""

    has_objects = True

    def __init__(self, seer: Sees) -> None:
        self.cell, self._seer, self._last = seer.cell, seer, None

    def __call__(self, picture: np.ndarray, /) -> Any:
        if self._last is None or self._last[0] is not picture:
            self._last = picture, self._seer(picture)
        return self._last[1]


def model_for(kind: str, models: Mapping[str, Path]) -> Path:
    return models.get(kind, shipped_model())


def rules_for(clip: Clip, predictor: Predictor) -> WatchRules:
    """The clip's rules; for a model of other classes, a line for all of its things."""
    if predictor.tree == clip.tree:
        return WatchRules.parse(clip.rules, predictor.tree).fitted(SIZE_HW)
    thing = next(node.path for node in predictor.tree if predictor.tree.is_thing[node.id])
    line = {"from": [40, 200], "to": [600, 200], "in": "right", "of": thing}
    return WatchRules.parse({"picture": [640, 360], "lines": {"line": line}}, predictor.tree).fitted(SIZE_HW)


def pace_for(model: Path, rules: WatchRules | None, *, live: bool) -> Pace:
    facts = VideoFacts(size_hw=SIZE_HW, fps=FPS, live=live)
    return paced(open_model(model), facts, rules, threads=CORES, machine=this_machine())


def followed(model: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """A live clip, watched with all parts."""
    clip = generate_clip("entrance", FIRST_SEED, seconds=seconds, fps=FPS, size_hw=SIZE_HW)
    path = write_clip(clip, folder / "live.mp4")
    predictor = load(model)
    rules = rules_for(clip, predictor)
    pace = pace_for(model, rules, live=True)
    seer = Seer(predictor, size_hw=SIZE_HW, crop=pace.crop)
    seer(clip.frame(0).picture)  # the first pass makes things ready
    source, notes = LiveClip(path), list[str]()
    header = header_of(rules, model=predictor.digest, source="clip", size_hw=SIZE_HW, live=True, settings={})
    job = Job(
        folder=folder / "live",
        header=header,
        rules=rules,
        pace=pace,
        seer=seer,
        wanted=Wanted(),
        reopen=lambda number: open_video(path, from_frame=number),
        report=notes.append,
    )
    cpu, began = time.process_time(), time.monotonic()
    found = watch(source, job, resume=False)
    lasted = time.monotonic() - began
    return {
        "seconds": round(lasted, 1),
        "arrived": source.arrived,
        "followed_share": round(found.frames / source.arrived, 3),
        "frames_per_second": round(found.frames / lasted, 2),
        "key_frames_per_second": round(found.key_frames / lasted, 2),
        "planned_key_frames_per_second": round(1 / pace.key_every_s, 2),
        "shown_hw": list(pace.working_hw),
        "behind_s": {str(q): round(float(np.quantile(source.waits, q)), 3) for q in (0.5, 0.95, 1.0)},
        "busy_cores": round((time.process_time() - cpu) / lasted, 2),
        "replanned": notes,
        "pace": list(pace.reasons),
    }


class Clock:
    """Adds up the processor time of parts, milliseconds of all threads."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.spent[part] = self.spent.get(part, 0.0) + 1000 * (time.process_time() - began)


def parts(model: Path, kind: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Processor milliseconds of the parts of a frame, one after the other, on the clip of a kind."""
    clip = generate_clip(kind, FIRST_SEED, seconds=seconds, fps=FPS, size_hw=SIZE_HW)
    path = write_clip(clip, folder / f"{kind}.mp4")
    predictor = load(model)
    rules = rules_for(clip, predictor)
    pace = pace_for(model, rules, live=False)
    seer = Seer(predictor, size_hw=SIZE_HW, crop=pace.crop)
    motion, flow = Motion(pace.region_xyxy), Flow(SIZE_HW, cell=seer.cell)
    tracker = Tracker(rules.tree, size_hw=SIZE_HW, cell=seer.cell)
    engine = EventEngine(rules.tree, rules, size_hw=SIZE_HW, cell=seer.cell)
    header = header_of(rules, model="", source="clip", size_hw=SIZE_HW, live=False, settings={})
    clock, last_key, ground, n_tracks, n_keys = Clock(), None, None, [], 0
    with open_video(path) as video, EventLog.begin(folder / f"{kind}_log", header) as log:
        while True:
            with clock("reading"):
                frame = next(video)
            if not isinstance(frame, Frame):
                break
            picture, time_s = frame.picture, frame.time_s
            with clock("motion"):
                moves = motion.step(time_s, picture)
            with clock("flow"):
                moved = flow.step(picture)
            step = None
            if pace.is_key(time_s, last_key, moves=moves):
                last_key, n_keys = time_s, n_keys + 1
                with clock("network"):
                    predictor.maps(seer.crop.cut(picture))
                with clock("network and objects"):
                    found, ground = seer(picture)
                with clock("tracks"):
                    step = None if found is None else tracker.detected(time_s, found, moved)
            with clock("tracks"):
                step = step or tracker.carried(time_s, moved)
            n_tracks.append(len(step.tracks))
            with clock("rules"):
                events = engine.step(frame.number, time_s, step, ground, None)
            with clock("log"):
                log.append(events)
                if log.due():
                    log.save({"tracker": tracker.state(), "engine": engine.state()})
    spent = {name: milliseconds / len(n_tracks) for name, milliseconds in clock.spent.items()}
    key = len(n_tracks) / n_keys
    objects = (clock.spent["network and objects"] - clock.spent["network"]) / n_keys
    return {
        "frames": len(n_tracks),
        "key_frames": n_keys,
        "tracks": {"mean": round(statistics.mean(n_tracks), 1), "most": max(n_tracks)},
        "cell": seer.cell,
        "milliseconds_a_frame": {name: round(spent[name], 3) for name in ("reading", "motion", "flow")}
        | {"tracks_rules_log": round(sum(spent[name] for name in ("tracks", "rules", "log")), 3)}
        | {name: round(spent[name], 3) for name in ("tracks", "rules", "log")},
        "milliseconds_a_key_frame": {"network": round(spent["network"] * key, 2), "objects": round(objects, 2)},
    }


def tracked_map(tracks: Sequence[Track], cells_hw: tuple[int, int]) -> np.ndarray:
    """(h, w) int32: numbers of sure tracks that are seen; nearer ones hide others."""
    shown = np.zeros(cells_hw, dtype=np.int32)
    for track in sorted(tracks, key=lambda track: (track.foot_yx[0], track.number)):
        if track.sure and track.seen:
            shown[track.mask.on(cells_hw)] = track.number
    return shown


def true_map(instances: np.ndarray, cell: int) -> np.ndarray:
    """(h, w) of cells: the id in the middle of each."""
    rows, columns = (np.minimum(np.arange(-(-side // cell)) * cell + cell // 2, side - 1) for side in instances.shape)
    return instances[np.ix_(rows, columns)]


def scored(clip: Clip, seer_of: Callable[[ClipVideo], Sees], rules: WatchRules, pace: Pace) -> list[TrackingSums]:
    """Every frame seen, and the key frames of the pace; scored on all frames of one clip."""
    video = ClipVideo(clip)
    seer = Seen(seer_of(video))
    each = replace(pace, key_every_s=1 / clip.fps, still_s=0.0)
    sights = [Sight(rules, size_hw=SIZE_HW, seer=seer, pace=one) for one in (each, pace)]
    clips = [Tracking() for _ in sights]
    for item in video:
        if isinstance(item, Frame) and video.shown is not None:
            truth = true_map(video.shown.instances, seer.cell)
            for sight, tracking in zip(sights, clips, strict=True):
                tracks = sight.step(item.number, item.time_s, item.picture, None).tracks
                tracking.add(TrackedFrame.of_maps(truth, tracked_map(tracks, truth.shape)))
    return [tracking.sums() for tracking in clips]


def idf1(kind: str, model: Path | None, n_clips: int, seconds: float) -> dict[str, Any]:
    """IDF1 of all clips of a kind: of every frame, and of key frames."""
    found: list[list[TrackingSums]] = []
    predictor = None if model is None else load(model)
    for seed in range(FIRST_SEED, FIRST_SEED + n_clips):
        clip = generate_clip(kind, seed, seconds=seconds, fps=FPS, size_hw=SIZE_HW)
        rules = WatchRules.parse(clip.rules, clip.tree).fitted(SIZE_HW)
        pace = pace_for(model_for(kind, {} if model is None else {kind: model}), None, live=False)
        if predictor is None:
            found.append(scored(clip, lambda video, clip=clip: TrueSeer(clip, video), rules, pace))
        else:
            seer = Seer(predictor, size_hw=SIZE_HW, crop=pace.crop)
            found.append(scored(clip, lambda video, seer=seer: seer, rules, pace))
        print(f"{kind} {seed}: IDF1 {', '.join(f'{one.scores().idf1:.3f}' for one in found[-1])}", flush=True)
    every, keys = (sum(sums[1:], sums[0]).scores() for sums in zip(*found, strict=True))
    return {
        "clips": n_clips,
        "every_frame": round(every.idf1, 4),
        "key_frames": round(keys.idf1, 4),
        "loss": round(every.idf1 - keys.idf1, 4),
        "hota": {"every_frame": round(every.hota, 4), "key_frames": round(keys.hota, 4)},
    }


def shortfalls(result: Mapping[str, Any]) -> list[str]:
    """What misses the expected numbers, as sentences."""
    live = result["live"]
    told = []
    if live["key_frames_per_second"] < LEAST_KEYS:
        told.append(f"live: {live['key_frames_per_second']} key frames a second, at least {LEAST_KEYS:g} are expected")
    if live["behind_s"]["0.95"] > MOST_BEHIND or live["replanned"]:
        told.append(f"live: it falls behind, by {live['behind_s']['0.95']} s; {'; '.join(live['replanned'])}")
    for kind, found in result["parts"].items():
        for name, most in MOST_MS.items():
            if (taken := found["milliseconds_a_frame"][name]) > most:
                told.append(f"parts, {kind}: {name} takes {taken} ms a frame, at most {most:g} are expected")
    for way, kinds in result["idf1"].items():
        for kind, found in kinds.items():
            if found["loss"] > MOST_LOSS:
                told.append(f"idf1, {way}, {kind}: {found['loss']} below every frame, at most {MOST_LOSS} are expected")
    return told


def stated_models(texts: Sequence[str]) -> dict[str, Path]:
    """Models by kind, from texts such as "entrance=runs/entrance"."""
    models = {}
    for text in texts:
        kind, _, path = text.partition("=")
        if kind not in KINDS or not path:
            raise ConfigError(f"--model {text!r} is not KIND=MODEL with one of the kinds {', '.join(KINDS)}")
        models[kind] = Path(path)
    return models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", nargs="+", default=[], metavar="KIND=MODEL", help="of generated clips")
    parser.add_argument("--clips", type=int, default=CLIPS, help="of each kind, for IDF1")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each clip")
    parser.add_argument("--live-seconds", type=float, default=LIVE_SECONDS)
    options = parser.parse_args()
    models = stated_models(options.model)
    usual = {name: value for name, value in vars(options).items() if name != "model"} == {
        "clips": CLIPS, "seconds": SECONDS, "live_seconds": LIVE_SECONDS,
    }  # fmt: skip
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    WORK.mkdir(parents=True, exist_ok=True)
    with recorded_load() as load_facts, tempfile.TemporaryDirectory(dir=WORK) as scratch:
        folder = Path(scratch)
        result: dict[str, Any] = {
            "command": "python -m bench.video_speed" + ("" if usual else " with other options"),
            "about": "640 x 360 px, 25 frames a second, two cores; milliseconds are processor time of all threads",
            "models": {kind: open_model(path).digest[:12] for kind, path in models.items()} or "shipped",
            "expected": {
                "key_frames_per_second": LEAST_KEYS,
                "behind_s": MOST_BEHIND,
                "milliseconds_a_frame": MOST_MS,
                "idf1_loss": MOST_LOSS,
            },
            "live": followed(model_for("entrance", models), folder, options.live_seconds),
            "parts": {kind: parts(model_for(kind, models), kind, folder, options.seconds) for kind in KINDS},
            "idf1": {
                "true masks": {kind: idf1(kind, None, options.clips, options.seconds) for kind in KINDS},
                **(
                    {"network": {k: idf1(k, path, options.clips, options.seconds) for k, path in models.items()}}
                    if models
                    else {}
                ),
            },
        }
    result |= {
        "instructions": list(this_machine().processor.instructions),
        "load": load_facts,
        "machine": machine_facts(),
    }
    print(json.dumps({name: result[name] for name in ("live", "parts", "idf1")}, indent=1))
    print(f"wrote {write_result('video_speed', result, scratch=not usual).name}")
    for sentence in shortfalls(result):
        print(sentence)


if __name__ == "__main__":
    exit_on_error(main)
