"""Whole watches of a world of blobs: counts, the same log again, restarts, live sources, wrong folders."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import blobs
from blobs import FPS, FRAMES, BlobSeer, BlobVideo, job
from smalta.errors import ConfigError, DataError
from smalta.video.counts import Counts
from smalta.video.logbook.log_reading import LogReader
from smalta.video.reading.items import Found, Lost
from smalta.video.replay import replay
from smalta.video.rules import WatchRules
from smalta.video.showing.outputs import Wanted
from smalta.video.status import Status
from smalta.video.watch import watch
from watched import TREE, rules

NOON = 1_800_000_000.0


class Killed(BaseException):
    """Stands in for a program that ends on the spot."""


def killed() -> None:
    raise Killed


def events(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """The events of these kinds; of all kinds without any."""
    found = [event.to_dict() for event in LogReader(folder)]
    return [event for event in found if not kinds or event["kind"] in kinds]


def files(folder: Path) -> dict[str, bytes]:
    """Everything that follows from the frames."""
    names = ("events.jsonl", "counts.csv", "occupancy.png", "heat.png")
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a watch without a break."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    watch(BlobVideo(), job(folder), resume=False)
    return folder


# -- a file -------------------------------------------------------------------------------------------


def test_a_file_is_watched_to_its_end(tmp_path: Path) -> None:
    told: list[Status] = []

    watched = watch(BlobVideo(), job(tmp_path / "out", status=told.append), resume=False)

    assert (watched.frames, watched.time_s, watched.stopped) == (FRAMES, (FRAMES - 1) / FPS, False)
    assert FRAMES / 4 < watched.key_frames < FRAMES
    door, shop = watched.counts.passed("door"), watched.counts.entered("shop")
    assert (door.in_low, door.in_high, door.out_low, door.out_high) == (1, 1, 1, 1)
    assert (shop.in_low, shop.out_low) == (1, 1)
    assert watched.counts.occupancy("shop", "person") == 1
    assert [event["kind"] for event in events(tmp_path / "out", "present", "ended")] == ["present", "ended"]
    assert told[0].share == 1 / FRAMES
    assert told[0].seconds_left is not None


def test_the_walker_crosses_when_its_foot_does(whole: Path) -> None:
    crossings = events(whole, "crossing")

    #  the foot, at the lower edge of the blob, is at 32 + 52 t / 3 and then at 84 - 52 (t - 4.5) / 3; the line at 48
    assert [event["way"] for event in crossings] == ["in", "out"]
    assert crossings[0]["time_s"] == pytest.approx(16 * 3 / 52, abs=0.4)
    assert crossings[1]["time_s"] == pytest.approx(4.5 + 36 * 3 / 52, abs=0.4)


def test_replay_and_the_table_equal_the_counts_of_the_watch(whole: Path) -> None:
    again = Counts().add_all(LogReader(whole))

    assert replay(whole).counts == again
    last = (whole / "counts.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")
    passed = again.passed("door")
    assert last == ["7", "1", "0", "0", *map(str, (passed.in_low, passed.out_low, passed.in_high, passed.out_high))]


def test_the_same_file_gives_the_same_log(whole: Path, tmp_path: Path) -> None:
    watch(BlobVideo(), job(tmp_path / "out"), resume=False)

    assert files(tmp_path / "out") == files(whole)


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_watch_goes_on_to_the_same_log(whole: Path, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    folder, done = tmp_path / "out", 0
    while done < 3:
        number = draw.randrange(1, FRAMES)
        broken = {number: killed}
        made = job(
            folder,
            save_every_s=draw.choice([0.0, 0.01, 9.0]),
            reopen=lambda start, broken=broken: BlobVideo(start, items=broken),
        )
        try:
            watch(BlobVideo(items=broken), made, resume=True)
        except Killed:
            if draw.random() < 0.5:
                with (folder / "events.jsonl").open("ab") as log:
                    log.write(b'{"time_s":1.23,"fra')
        done += 1

    watch(BlobVideo(), job(folder), resume=True)

    assert files(folder) == files(whole)


def kill_and_resume(folder: Path, draw: random.Random, kills: int) -> None:
    """Run the program of `blobs`, kill it `kills` times at random moments, and let it end."""
    command = [sys.executable, blobs.__file__, str(folder), "--resume"]
    path = ":".join([str(Path(blobs.__file__).parent), *sys.path])
    for _ in range(kills):
        with subprocess.Popen(command, env={"PYTHONPATH": path}) as running:
            before = size(folder)
            while size(folder) == before and running.poll() is None:
                time.sleep(0.005)
            time.sleep(draw.uniform(0, 0.4))
            running.send_signal(signal.SIGKILL)
    subprocess.run(command, env={"PYTHONPATH": path}, check=True)


def size(folder: Path) -> tuple[int, int]:
    """Something that changes while a watch writes."""
    return tuple(
        (folder / name).stat().st_mtime_ns if (folder / name).exists() else 0 for name in ("events.jsonl", "state.json")
    )  # type: ignore[return-value]


def test_a_program_that_is_killed_goes_on_to_the_same_log(whole: Path, tmp_path: Path) -> None:
    kill_and_resume(tmp_path / "out", random.Random(0), kills=2)

    assert files(tmp_path / "out") == files(whole)


@pytest.mark.slow
def test_a_program_that_is_killed_a_hundred_times_goes_on_to_the_same_log(whole: Path, tmp_path: Path) -> None:
    draw = random.Random(1)
    for number in range(10):
        kill_and_resume(tmp_path / str(number), draw, kills=10)

        assert files(tmp_path / str(number)) == files(whole)


def test_ctrl_c_leaves_a_complete_log_that_can_be_gone_on_with(whole: Path, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stopping = BlobVideo(items={40: lambda: signal.raise_signal(signal.SIGINT)})
        watched = watch(stopping, job(tmp_path / "out"), resume=False)
    finally:
        signal.signal(signal.SIGINT, before)

    assert watched.stopped
    assert watched.counts.passed("door").in_low == 1
    assert events(tmp_path / "out")[-1]["kind"] == "stop"
    assert (tmp_path / "out" / "counts.csv").read_text(encoding="utf-8").count("\n") == 5  # a header and 3.9 seconds

    watch(BlobVideo(), job(tmp_path / "out"), resume=True)
    assert files(tmp_path / "out") == files(whole)


def test_a_watch_that_has_ended_is_the_same_when_it_is_resumed(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    watch(BlobVideo(), job(folder), resume=False)

    watched = watch(BlobVideo(), job(folder), resume=True)

    assert files(folder) == files(whole)
    assert watched.counts.passed("door").in_low == 1


def test_a_gap_in_a_file_is_told(tmp_path: Path) -> None:
    late = BlobVideo(time_of=lambda number: number / FPS + (3600.0 if number >= 40 else 0.0))

    watched = watch(late, job(tmp_path / "out"), resume=False)

    (gap,) = events(tmp_path / "out", "unseen")
    assert gap["value"] == {"from_s": 3.9, "to_s": 3604.0}
    assert watched.counts.unseen_s == pytest.approx(3600.1)


def test_one_frame_is_enough_and_none_is_refused(tmp_path: Path) -> None:
    watched = watch(BlobVideo(n=1), job(tmp_path / "one"), resume=False)

    assert (watched.frames, watched.counts.occupancy("shop")) == (1, 0)
    with pytest.raises(DataError, match="blobs has no frame that can be decoded"):
        watch(BlobVideo(n=0), job(tmp_path / "none"), resume=False)


def test_a_model_without_objects_watches_stuff_alone(tmp_path: Path) -> None:
    content = {"zones": {"out": {"stuff": "street"}}}
    stuff = WatchRules.parse(content, TREE)

    made = job(tmp_path / "out", ruled=stuff, seer=BlobSeer(has_objects=False))
    watched = watch(BlobVideo(), made, resume=False)

    assert watched.counts.occupancy("out") == 0
    assert watched.frames == FRAMES


# -- the folder ---------------------------------------------------------------------------------------


def test_a_log_is_not_overwritten(whole: Path) -> None:
    before = files(whole)

    with pytest.raises(ConfigError, match="exists already; go on with it with --resume"):
        watch(BlobVideo(), job(whole), resume=False)

    assert files(whole) == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": "another"}, "the model 'blobs', and this watch has 'another'"),
        ({"ruled": rules(lines={})}, "the rules"),
        ({"live": True}, "the settings"),
    ],
)
def test_the_log_of_another_watch_is_refused(whole: Path, change: dict[str, Any], sentence: str) -> None:
    video = BlobVideo(utc_s=NOON) if "live" in change else BlobVideo()

    with pytest.raises(ConfigError, match=sentence):
        watch(video, job(whole, **change), resume=True)


def test_a_second_watch_of_a_folder_is_refused(tmp_path: Path) -> None:
    refused: list[str] = []

    def second() -> None:
        with pytest.raises(ConfigError) as error:
            watch(BlobVideo(), job(tmp_path / "out"), resume=True)
        refused.append(str(error.value))

    watch(BlobVideo(items={20: second}), job(tmp_path / "out"), resume=False)

    assert "another watch" in refused[0]
    assert "stop it, or set another folder with --out" in refused[0]


def test_a_file_that_changed_is_told(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    watch(BlobVideo(n=40), job(folder), resume=False)
    (folder / "events.jsonl").write_bytes(
        b"".join(line for line in (folder / "events.jsonl").read_bytes().splitlines(True) if b"ended" not in line)
    )
    (folder / "state.json").unlink()
    shifted = BlobVideo(time_of=lambda number: number / FPS + 0.5)

    with pytest.raises((DataError, ConfigError), match=r"line 2 of|changed"):
        watch(shifted, job(folder), resume=True)


# -- live sources -------------------------------------------------------------------------------------


def live(utc_s: float = NOON, **more: Any) -> BlobVideo:
    return BlobVideo(utc_s=utc_s, **more)


def stop() -> None:
    raise KeyboardInterrupt


def test_a_live_source_has_the_time_of_the_day(tmp_path: Path) -> None:
    told: list[Status] = []
    watched = watch(live(items={60: stop}), job(tmp_path / "out", live=True, status=told.append), resume=False)

    (crossing,) = events(tmp_path / "out", "crossing")
    assert crossing["utc"].startswith("2027-01-15T08:00:0")
    assert watched.stopped
    assert (told[0].share, told[0].seconds_left) == (None, None)
    table = (tmp_path / "out" / "counts.csv").read_text(encoding="utf-8").splitlines()
    assert table[1].split(",")[:2] == ["0", "2027-01-15T08:00:01Z"]


def test_a_lost_source_is_a_gap_in_the_log(tmp_path: Path) -> None:
    told: list[str] = []
    lost = Lost(time_s=3.9, utc_s=NOON + 14, reason="no frame for 10 s")
    found = Found(time_s=34.0, utc_s=NOON + 34, after_s=30.1)
    video = live(
        items={40: lost, 41: found, 70: stop}, time_of=lambda number: number / FPS + (30.0 if number >= 41 else 0.0)
    )

    watched = watch(video, job(tmp_path / "out", live=True, report=told.append), resume=False)

    assert [event["kind"] for event in events(tmp_path / "out", "lost", "found", "unseen")] == [
        "lost",
        "found",
        "unseen",
    ]
    assert watched.counts.unseen_s == pytest.approx(30.1)
    assert watched.counts.passed("door").in_high == 1
    assert told == ["blobs is lost: no frame for 10 s; smalta connects again", "blobs is there again after 30 s"]


def test_after_a_restart_nobody_is_counted_twice(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = watch(live(items={36: stop}), job(folder, live=True), resume=False)
    assert (first.counts.passed("door").in_low, first.counts.occupancy("shop")) == (1, 2)

    # the world stands still for a minute; then the walker goes back
    again = live(NOON + 60, from_frame=36, items={79: stop})
    watched = watch(again, job(folder, live=True), resume=True)

    (gap,) = events(folder, "unseen")
    assert gap["value"] == {"from_s": 3.5, "to_s": 63.6}
    door, shop = watched.counts.passed("door"), watched.counts.entered("shop")
    assert (door.in_high, door.out_high) == (1, 1)
    assert (shop.in_high, watched.counts.occupancy("shop")) == (1, 1)
    tracks = {event["track"] for event in events(folder, "present") if event["time_s"] > 60}
    assert tracks
    assert tracks.isdisjoint({event["track"] for event in events(folder, "enter", "present") if event["time_s"] < 60})
    assert [event["kind"] for event in events(folder, "stop")] == ["stop", "stop"]


def test_a_clock_that_was_set_back_moves_no_time_back(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    watch(live(items={36: stop}), job(folder, live=True), resume=False)

    watch(live(NOON - 3600, from_frame=36, items={50: stop}), job(folder, live=True), resume=True)

    times = [event["time_s"] for event in events(folder, "unseen", "stop")]
    assert times == sorted(times)


def test_outputs_that_were_asked_for_are_written(tmp_path: Path) -> None:
    made = job(tmp_path / "out", wanted=Wanted(video=True, pictures=True, blur=("person",)))
    watch(BlobVideo(), made, resume=False)

    pictures = {path.name.partition("-")[2] for path in (tmp_path / "out" / "pictures").iterdir()}
    assert {name for name in pictures if name.startswith("crossing")} == {
        "crossing-door-in-1.jpg",
        "crossing-door-out-1.jpg",
    }
    assert (tmp_path / "out" / "video.mp4").stat().st_size > 1000


def test_the_state_holds_no_picture(whole: Path) -> None:
    state = json.loads((whole / "state.json").read_text(encoding="utf-8"))

    assert len(json.dumps(state)) < 60_000
