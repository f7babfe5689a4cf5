"""The benchmark of watching: its clips, maps and judgements."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from bench.live_clip import LiveClip
from bench.true_masks import TrueSeer
from bench.video_speed import scored, shortfalls, stated_models, tracked_map

from clips import even, write_clip
from smalta.errors import ConfigError
from smalta.scenes.motion import generate_clip
from smalta.video.pacing import VideoFacts, pace
from smalta.video.reading.items import Frame
from smalta.video.rules import WatchRules
from watched import track


def test_a_live_clip_comes_in_real_time_and_hands_out_the_newest_frame_only(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", even(12, fps=50))
    source, frames = LiveClip(path), []

    with source:
        for item in source:
            assert isinstance(item, Frame)
            frames.append(item)
            if len(frames) == 1:
                while source.arrived < 6:
                    time.sleep(0.01)

    assert source.arrived == 12
    assert frames[1].dropped >= 4
    assert sum(frame.dropped for frame in frames) + len(frames) == frames[-1].number + 1 == 12
    assert len(source.waits) == len(frames)
    assert max(source.waits) >= 0.05


def test_sure_tracks_that_are_seen_are_drawn_and_nearer_ones_hide_others() -> None:
    tracks = [track(1, (0, 0, 16, 16)), track(2, (8, 0, 24, 20)), track(3, (0, 0, 40, 40), sure=False)]

    found = tracked_map(tracks, (6, 10))

    assert found[0].tolist() == [1, 1, 2, 2, 2, 2, 0, 0, 0, 0]
    assert set(found.ravel()) == {0, 1, 2}


def test_every_frame_and_key_frames_are_scored_on_the_same_clip() -> None:
    clip = generate_clip("street", 1, seconds=3, fps=10, size_hw=(360, 640))
    rules = WatchRules.parse(clip.rules, clip.tree).fitted((360, 640))
    facts = VideoFacts(size_hw=(360, 640), fps=10, live=False)

    every, keys = scored(clip, lambda video: TrueSeer(clip, video), rules, pace(facts, stride=4))

    assert every.scores().idf1 > 0.5
    assert abs(every.scores().idf1 - keys.scores().idf1) < 0.2


def result(**changes: Any) -> dict[str, Any]:
    usual = {
        "live": {"key_frames_per_second": 5.0, "behind_s": {"0.95": 0.1}, "replanned": []},
        "parts": {"street": {"milliseconds_a_frame": {"reading": 4.0, "flow": 1.0, "tracks_rules_log": 5.0}}},
        "idf1": {"true masks": {"street": {"loss": 0.01}}},
    }
    return usual | changes


def test_what_misses_the_expected_numbers_is_named() -> None:
    assert shortfalls(result()) == []
    assert shortfalls(result(idf1={"network": {"street": {"loss": 0.04}}})) == [
        "idf1, network, street: 0.04 below every frame, at most 0.03 are expected"
    ]
    slow = {"street": {"milliseconds_a_frame": {"reading": 7.0, "flow": 1.0, "tracks_rules_log": 5.0}}}
    assert shortfalls(result(parts=slow)) == ["parts, street: reading takes 7.0 ms a frame, at most 6 are expected"]
    live = {"key_frames_per_second": 3.0, "behind_s": {"0.95": 2.0}, "replanned": ["slower"]}
    assert len(shortfalls(result(live=live))) == 2


def test_models_are_stated_by_kind() -> None:
    assert stated_models(["street=runs/a"]) == {"street": Path("runs/a")}
    with pytest.raises(ConfigError, match="is not KIND=MODEL with one of the kinds entrance, parking, street"):
        stated_models(["shop=runs/a"])
