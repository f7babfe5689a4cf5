"""What a watch writes beside its log: which files, which pictures, which messages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from broker import LoopbackBroker
from smalta.errors import ClassTreeError, ConfigError
from smalta.pictures.reading import read_picture
from smalta.video.logbook.event_lines import Event
from smalta.video.showing.outputs import Outputs, Seen, Wanted, blurred_nodes, counted_of, names_of
from smalta.video.values import Ground
from smalta.video.watch_job import header_of
from watched import CELL, SIZE_HW, TREE, rules, track

GROUND = Ground(classes=np.full((24, 40), TREE["floor"].id, np.uint16), cell=CELL)
START = Event(
    time_s=0.0,
    frame=0,
    kind="start",
    value=header_of(rules(), model="m", source="s", size_hw=SIZE_HW, live=False, settings={}).to_value(),
)
CROSSED = Event(
    time_s=0.5, frame=5, kind="crossing", name="door", way="in", track=1, node="person", evidence={"box": []}
)
ENTERED = Event(time_s=0.5, frame=5, kind="enter", zone="shop", track=1, node="person")


def outputs(folder: Path, told: list[str] | None = None, state: Any = None, **wanted: Any) -> Outputs:
    return Outputs(
        folder,
        rules(),
        size_hw=SIZE_HW,
        fps=10.0,
        first_s=0.0,
        live=False,
        wanted=Wanted(**wanted),
        report=[].append if told is None else told.append,
        state=state,
    )


def seen(number: int, *events: Event) -> Seen:
    rng = np.random.default_rng(number)
    return Seen(
        number=number,
        time_s=number / 10,
        picture=rng.integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8),
        utc_s=None,
        tracks=[track(1, (16, 40, 40, 80), "person/guest")],
        ground=GROUND,
        events=events,
    )


def run(made: Outputs) -> None:
    made.add([START])
    for number in range(30):
        events = (CROSSED, ENTERED) if number == 5 else ()
        made.add(events)
        made.frame(seen(number, *events))
    made.finish(GROUND)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_no_picture_is_stored_unless_asked_for(tmp_path: Path) -> None:
    run(outputs(tmp_path))

    assert names(tmp_path) == {"counts.csv", "occupancy.png", "heat.png"}
    heat = read_picture(tmp_path / "heat.png")
    assert heat[:10, -10:].std() < 5  # the ground's colour, not the noise of the frames


def test_asked_for_there_are_a_video_and_a_picture_for_each_event(tmp_path: Path) -> None:
    run(outputs(tmp_path, video=True, pictures=True, blur=("person",)))

    pictures = {"pictures/0000005-crossing-door-in-1.jpg", "pictures/0000005-enter-shop-1.jpg"}
    assert names(tmp_path) == {"counts.csv", "occupancy.png", "heat.png", "video.mp4", *pictures}
    shown = cv2.imread(str(tmp_path / "pictures/0000005-enter-shop-1.jpg"))
    assert shown.shape == (*SIZE_HW, 3)
    body = shown[68:76, 20:36].astype(float)
    assert body.std() < 0.4 * seen(5).picture.std()


def test_an_earlier_video_and_pictures_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("video.mp4", "pictures/0000005-enter-shop-1.jpg"):
        (tmp_path / name).write_text("mine", encoding="utf-8")

    run(outputs(tmp_path, video=True, pictures=True))

    assert (tmp_path / "video.mp4").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "pictures/0000005-enter-shop-1.jpg").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "video-2.mp4").stat().st_size > 1000


def test_outputs_go_on_from_their_state(tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    run(outputs(tmp_path / "whole"))

    first = outputs(tmp_path / "parts")
    first.add([START])
    for number in range(12):
        events = (CROSSED, ENTERED) if number == 5 else ()
        first.add(events)
        first.frame(seen(number, *events))
    state = json.loads(json.dumps(first.state()))
    first.close()
    second = outputs(tmp_path / "parts", state=state)
    for number in range(12, 30):
        second.frame(seen(number))
    second.finish(GROUND)

    for name in ("counts.csv", "occupancy.png", "heat.png"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_messages_have_no_masks_and_the_last_counts(tmp_path: Path) -> None:
    with LoopbackBroker() as server:
        made = outputs(tmp_path, mqtt=f"mqtt://127.0.0.1:{server.port}/shop")
        server.wait(lambda messages: len(messages) >= 2)
        run(made)

    events = [message.json() for message in server.of("shop/event")]
    assert [event["kind"] for event in events] == ["start", "crossing", "enter"]
    assert all("evidence" not in event for event in events)
    assert server.of("shop/counts")[-1].json() == {
        "second": 2,
        "zones": {"shop": 1},
        "places": {"place": False},
        "lines": {"door": {"in": 1, "out": 0, "in_high": 1, "out_high": 0}},
        "events": {"queue": False},
    }


def test_places_are_zones_of_a_share() -> None:
    found = names_of(rules(), live=True)

    assert (found.zones, found.places, found.lines, found.live) == (("shop",), ("place",), ("door",), True)
    counted = counted_of(rules(), found)
    assert (counted.zones, counted.places, counted.lines) == ({"shop": "person"}, ("place",), {"door": "person"})
    assert counted.events == ("queue",)


def test_only_things_can_be_blurred() -> None:
    assert blurred_nodes(["person", "car"], rules()) == [TREE["person"].id, TREE["car"].id]
    with pytest.raises(ConfigError, match="--blur floor names no thing"):
        blurred_nodes(["floor"], rules())
    with pytest.raises(ClassTreeError):
        blurred_nodes(["persn"], rules())


def test_a_track_without_number_makes_a_picture_too(tmp_path: Path) -> None:
    made = outputs(tmp_path, pictures=True)
    begun = Event(time_s=0.1, frame=1, kind="begin", name="queue", node="person", value=2)
    made.add([START, begun])
    made.frame(replace(seen(1), events=[begun]))
    made.close()

    assert "pictures/0000001-begin-queue.jpg" in names(tmp_path)
