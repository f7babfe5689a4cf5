"""A clip is the same for a seed, asks for no picture before it needs one, and refuses impossible sizes."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from small_clips import SMALL_HW, small_clip
from smalta.errors import ConfigError
from smalta.scenes.motion import KINDS, MotionKind, TrueFrame, generate_clip, motion_tree


def digest(frame: TrueFrame) -> str:
    return hashlib.sha256(frame.picture.tobytes() + frame.classes.tobytes() + frame.instances.tobytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_clip_in_any_order_of_frames(kind: MotionKind) -> None:
    first = [digest(small_clip(kind).frame(k)) for k in (0, 7, 8)]

    again = generate_clip(kind, 0, seconds=4.0, fps=5.0, size_hw=SMALL_HW)

    assert [digest(again.frame(k)) for k in (8, 0, 7)] == [first[2], first[0], first[1]]
    assert again.truth.to_dict() == small_clip(kind).truth.to_dict()
    assert again.rules == small_clip(kind).rules


@pytest.mark.parametrize("kind", KINDS)
def test_other_seeds_give_other_clips(kind: MotionKind) -> None:
    assert digest(small_clip(kind).frame(0)) != digest(small_clip(kind, seed=1).frame(0))


def test_truth_needs_no_picture() -> None:
    clip = generate_clip("street", 3, seconds=2.0)

    assert clip.truth.occupancy.shape == (50, 2)
    assert "film" not in vars(clip)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_happens_at_any_frame_rate_and_size(kind: MotionKind) -> None:
    slow, fast = (generate_clip(kind, 5, seconds=8.0, fps=fps, size_hw=(180, 320)) for fps in (5.0, 25.0))

    assert slow.truth.crossings == fast.truth.crossings
    assert [contact[2:] for contact in slow.truth.contacts] == [contact[2:] for contact in fast.truth.contacts]
    np.testing.assert_array_equal(slow.truth.occupancy, fast.truth.occupancy[::5])
    np.testing.assert_array_equal(slow.truth.taken, fast.truth.taken[::5])


def test_frames_have_times_of_the_rate() -> None:
    times = [frame.time_s for frame in small_clip("entrance", seconds=0.6).frames()]

    assert times == pytest.approx([0.0, 0.2, 0.4])


@pytest.mark.parametrize("kind", KINDS)
def test_truth_and_rules_are_plain_data(kind: MotionKind) -> None:
    clip = small_clip(kind)

    truth, rules = json.loads(json.dumps(clip.truth.to_dict())), json.loads(json.dumps(clip.rules))

    assert rules == clip.rules
    assert rules["picture"] == [208, 120]
    assert len(truth["occupancy"]) == len(truth["taken"]) == clip.n_frames == 20
    assert truth["zones"] == list(clip.rules["zones"])


@pytest.mark.parametrize("kind", KINDS)
def test_rules_speak_of_classes_of_the_tree(kind: MotionKind) -> None:
    clip, tree = small_clip(kind, seconds=20.0), motion_tree(kind)
    paths = {node.path for node in tree}

    named = [part["of"] for of in ("zones", "lines") for part in clip.rules.get(of, {}).values()]
    named += [zone["stuff"] for zone in clip.rules["zones"].values() if "stuff" in zone]

    assert set(named) <= paths
    assert all(
        event["when"].split(" on ")[-1] in paths for event in clip.rules.get("events", []) if " on " in event["when"]
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "beach"}, "kind of clip must be one of entrance, parking, street, got 'beach'"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"size_hw": (31, 64)}, "at least 32 by 32"),
        ({"seconds": 0.0}, "seconds must be above 0"),
        ({"fps": 0.0}, "fps must be above 0"),
    ],
)
def test_impossible_clips_are_refused(wrong: dict[str, object], message: str) -> None:
    usual: dict[str, object] = {"kind": "entrance", "seed": 0}

    with pytest.raises(ConfigError, match=message):
        generate_clip(**(usual | wrong))  # type: ignore[arg-type]


def test_a_frame_beyond_the_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"frame must be in 0\.\.19, got 20"):
        small_clip("entrance").frame(20)
