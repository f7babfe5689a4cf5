from __future__ import annotations

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import plain
from smalta.errors import ConfigError, DataError, SmaltaError
from smalta.system.folder_lock import FolderLock
from smalta.version import __version__
from smalta.video.log import EventLog
from smalta.video.logbook.event_lines import KINDS, Event
from smalta.video.logbook.log_reading import LogReader
from watch_steps import header

texts = st.text(max_size=8)
events = st.builds(
    Event,
    time_s=st.floats(-1e9, 1e9),
    frame=st.integers(0, 10**9),
    kind=st.sampled_from(sorted(KINDS - {"start"})),
    name=texts,
    way=st.sampled_from([None, "in", "out"]),
    track=st.none() | st.integers(1, 10**6),
    node=st.none() | texts,
    zone=st.none() | texts,
    sure=st.booleans(),
    utc=st.none() | texts,
    evidence=st.none() | st.dictionaries(texts, st.integers(0, 9) | texts, max_size=3),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 9) | texts,
)


def made(frames: range) -> Iterator[list[Event]]:
    """The events of some frames of a file: none, one or two a frame."""
    for frame in frames:
        count = (0, 1, 0, 2)[frame % 4]
        yield [
            Event(time_s=frame / 4, frame=frame, kind="note", value=f"{frame}.{number} \u00fc", track=number)
            for number in range(count)
        ]


def write(log: EventLog, frames: range, *, save_at: int | None = None) -> None:
    """Watch frames; after the frame `save_at` the state is saved."""
    for frame, found in zip(frames, made(frames), strict=True):
        log.append(found)
        if frame == save_at:
            log.save({"frame": frame})


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """The log of twelve frames."""
    with EventLog.begin(tmp_path / "whole", header()) as log:
        write(log, range(12))
    return (tmp_path / "whole" / "events.jsonl").read_bytes()


def content(folder: Path) -> bytes:
    return (folder / "events.jsonl").read_bytes()


# -- lines --------------------------------------------------------------------------------------------


@given(events)
def test_an_event_comes_back_from_its_line_as_it_was(event: Event) -> None:
    line = event.line()

    assert line.count(b"\n") == 1
    assert Event.of_line(line, "it") == event
    assert Event.of_line(line, "it").line() == line


def test_text_that_is_not_unicode_survives() -> None:
    event = Event(time_s=0.0, frame=0, kind="note", value="caf\udce9 \u2028 \x00")

    assert Event.of_line(event.line(), "it") == event


@given(plain | st.dictionaries(st.sampled_from(["time_s", "frame", "kind", "track", "way"]), plain))
def test_a_line_that_is_no_event_is_one_sentence(value: Any) -> None:
    with pytest.raises(DataError, match=r"^line 7 "):
        Event.of_line(json.dumps(value).encode(), "line 7")


# -- whole lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("save_at", [None, 1, 5])
def test_a_log_cut_off_at_any_byte_goes_on_byte_for_byte(tmp_path: Path, whole: bytes, save_at: int | None) -> None:
    with EventLog.begin(tmp_path / "cut", header()) as log:
        write(log, range(12), save_at=save_at)
    state = tmp_path / "cut" / "state.json"
    saved = state.read_bytes() if save_at is not None else None

    for size in range(len(whole)):
        (tmp_path / "cut" / "events.jsonl").write_bytes(whole[:size])
        state.unlink(missing_ok=True)
        if saved is not None:
            state.write_bytes(saved)
        log, found = EventLog.resumed(tmp_path / "cut", header())
        with log:
            assert content(log.folder).endswith(b"\n")
            write(log, range(0 if found is None else found["frame"] + 1, 12))
        assert content(tmp_path / "cut") == whole


def test_what_was_cut_off_is_said(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "events.jsonl").write_bytes(whole[:-3])

    log, _ = EventLog.resumed(tmp_path / "cut", header())
    log.close()

    assert log.notes == [f"the half-written last line of {tmp_path / 'cut' / 'events.jsonl'} was cut off"]


def test_a_reader_leaves_the_half_written_last_line_out_and_says_so(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "events.jsonl").write_bytes(whole[:-3])
    reader = LogReader(tmp_path)

    assert len(list(reader)) == whole.count(b"\n") - 1
    assert reader.note == f"the half-written last line of {tmp_path / 'events.jsonl'} is not counted"


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, whole: bytes) -> None:
    lines = whole.splitlines(keepends=True)
    (tmp_path / "events.jsonl").write_bytes(b"".join([*lines[:3], b"\x00\x00\n", *lines[3:]]))

    with pytest.raises(DataError, match=r"^line 4 of .*events.jsonl is not JSON; the log is damaged there"):
        list(LogReader(tmp_path))


# -- going on -----------------------------------------------------------------------------------------


def test_events_made_again_are_compared_and_a_difference_names_the_line(tmp_path: Path) -> None:
    with EventLog.begin(tmp_path, header()) as log:
        write(log, range(8), save_at=1)

    log, state = EventLog.resumed(tmp_path, header())
    assert state == {"frame": 1}
    with log, pytest.raises(DataError, match=r"^line 3 of .* is note of track 0 at 0.75 s, and the same frames now"):
        log.append([Event(time_s=0.75, frame=3, kind="note", value="another")])


def test_a_state_of_a_longer_log_or_a_broken_one_is_not_used(tmp_path: Path) -> None:
    with EventLog.begin(tmp_path, header()) as log:
        write(log, range(8), save_at=7)
    lines = content(tmp_path).splitlines(keepends=True)

    (tmp_path / "events.jsonl").write_bytes(b"".join(lines[:3]))
    log, state = EventLog.resumed(tmp_path, header())
    log.close()
    assert state is None
    assert "belongs to a longer log" in log.notes[0]

    wrong = json.dumps({"version": __version__, "bytes": "x", "lines": 1, "state": {}}).encode()
    for broken in (b"", b"{", b"[]", wrong, b'{"bytes": 1}'):
        (tmp_path / "state.json").write_bytes(broken)
        log, state = EventLog.resumed(tmp_path, header())
        log.close()
        assert state is None
        assert "is broken and was not used" in log.notes[0]


def test_the_state_of_another_version_is_not_used(tmp_path: Path) -> None:
    with EventLog.begin(tmp_path, header()) as log:
        write(log, range(8), save_at=7)
    path = tmp_path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "0.0.1"}))

    log, state = EventLog.resumed(tmp_path, header())
    log.close()

    assert state is None
    assert log.notes == [f"{path} is of smalta 0.0.1 and was not used; the log alone is"]


def test_a_stopped_watch_of_a_file_goes_on_as_if_it_had_not_been_stopped(tmp_path: Path, whole: bytes) -> None:
    with EventLog.begin(tmp_path, header()) as log:
        write(log, range(6), save_at=5)
        log.append([Event(time_s=1.25, frame=5, kind="stop")])

    log, state = EventLog.resumed(tmp_path, header())
    with log:
        assert state == {"frame": 5}
        assert "'stop'" in log.notes[0]
        write(log, range(6, 12))

    assert content(tmp_path) == whole


def test_a_finished_log_gets_no_second_end(tmp_path: Path) -> None:
    end = Event(time_s=3.0, frame=11, kind="ended", value={"frames": 12})
    with EventLog.begin(tmp_path, header()) as log:
        write(log, range(12))
        log.append([end])
        log.save({"frame": 11})
    before = content(tmp_path)

    log, _ = EventLog.resumed(tmp_path, header())
    with log:
        assert log.finished
        log.append([end])

    assert content(tmp_path) == before


def test_a_live_source_has_no_frame_twice_so_its_later_events_are_folded(tmp_path: Path) -> None:
    live = header(live=True)
    with EventLog.begin(tmp_path, live, utc="2026-11-30T14:00:00+00:00") as log:
        write(log, range(8), save_at=3)
        log.append([Event(time_s=2.0, frame=8, kind="stop")])

    log, state = EventLog.resumed(tmp_path, live)
    with log:
        assert state == {"frame": 3}
        assert [event.value for event in log.later()] == ["5.0 \u00fc", "7.0 \u00fc", "7.1 \u00fc", None]
        log.append([Event(time_s=99.0, frame=9, kind="note", value="new")])
        assert [event.value for event in log.later()][-1] is None  # what was there when it was opened
        log.save({"frame": 9})

    log, state = EventLog.resumed(tmp_path, live)
    with log:
        assert list(log.later()) == []
        assert state == {"frame": 9}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "other"}, "is the log of the model 'mmmmmmmm', and this watch has 'other'"),
        ({"rules": "other"}, "is the log of the rules 'rrrrrrrr', and this watch has 'other'"),
        ({"source": "yard.mp4"}, "is the log of the source 'door.mp4', and this watch has 'yard.mp4'"),
        ({"size_hw": (60, 100)}, r"size \(height, width\) \(120, 200\), and this watch has \(60, 100\)"),
        ({"settings": {"key_every": 3}}, "the settings none, and this watch has key_every 3"),
    ],
)
def test_another_log_is_refused_and_named(tmp_path: Path, whole: bytes, changes: dict[str, Any], sentence: str) -> None:
    (tmp_path / "events.jsonl").write_bytes(whole[:-3])

    with pytest.raises(ConfigError, match=sentence):
        EventLog.resumed(tmp_path, header(**changes))

    assert content(tmp_path) == whole[:-3]  # untouched
    FolderLock(tmp_path).free()  # and free


def test_a_file_that_is_no_log_is_left_as_it_is(tmp_path: Path) -> None:
    for theirs in (b"no newline", b'{"a": 1}\n{"b"', b"\n"):
        (tmp_path / "events.jsonl").write_bytes(theirs)

        with pytest.raises(SmaltaError, match=r"events\.jsonl"):
            EventLog.resumed(tmp_path, header())

        assert content(tmp_path) == theirs


def test_a_new_log_never_takes_the_place_of_another(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "events.jsonl").write_bytes(whole)

    with pytest.raises(ConfigError, match="exists already; go on with it with --resume"):
        EventLog.begin(tmp_path, header())

    assert content(tmp_path) == whole


def test_the_second_watch_of_a_folder_is_refused(tmp_path: Path) -> None:
    with EventLog.begin(tmp_path, header()):
        for open_again in (EventLog.begin, EventLog.resumed):
            with pytest.raises(ConfigError, match=rf"another watch \(process {os.getpid()}\) writes to .*; stop it"):
                open_again(tmp_path, header())

    EventLog.resumed(tmp_path, header())[0].close()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"cannot be written .*; set another folder with --out"):
        EventLog.begin(tmp_path / "file" / "log", header())


# -- a full disk --------------------------------------------------------------------------------------


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_the_log_ends_on_a_whole_line_and_can_go_on(tmp_path: Path, whole: bytes) -> None:
    start = whole.index(b"\n") + 1
    sentence = r"cannot be written .* ends on a whole line; free space"
    for size in range(start, len(whole), 37):
        folder = tmp_path / str(size)
        with EventLog.begin(folder, header()) as log:
            with room_for(size), pytest.raises(DataError, match=sentence):
                write(log, range(12))
            assert content(folder) == whole[: whole.rindex(b"\n", 0, size) + 1]

        log, _ = EventLog.resumed(folder, header())
        with log:
            write(log, range(12))
        assert content(folder) == whole


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EventLog.begin(tmp_path, header()) as log:
        write(log, range(4), save_at=3)
        before = (tmp_path / "state.json").read_bytes()

        def full(file: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(DataError, match=r"state\.json cannot be written \(No space left on device\)"):
            log.save({"frame": 4})
        monkeypatch.undo()

    assert (tmp_path / "state.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "events.jsonl", "state.json"]


def test_the_log_reaches_the_disk_before_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, rename = os.fsync, os.replace
    with EventLog.begin(tmp_path, header()) as log:
        log.append([Event(time_s=0.0, frame=0, kind="note")])

        def synced(file: int) -> None:
            done.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)
            sync(file)

        def renamed(source: Any, target: Any) -> None:
            done.append("rename")
            rename(source, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", renamed)
        log.save({})
        monkeypatch.undo()

    assert done == ["events.jsonl", ".state.json.tmp", "rename"]
