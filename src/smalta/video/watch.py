"""Watch a video: its frames become events, the events become a log, counts and pictures.

    Video -> Frame -> Sight -> events -> EventLog: DIR/events.jsonl, DIR/state.json
                                     \\-> Outputs: counts.csv, charts, video, pictures, messages

In:  an open video, what sees its frames, rules that fit it, a pace, a folder.
Out: the files of the folder; `Watched`.

What follows from the frames of a file depends on the frames alone. So it gives the same log again, also if the program
was killed and goes on. A live source has no frame twice: a restart is a gap in its log.

Must not know: how models are opened and planned, command lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np

from smalta.errors import DataError
from smalta.system.interrupts import end_like_ctrl_c, hold_interrupts
from smalta.video.log import EventLog
from smalta.video.logbook.event_lines import Event, Kind, log_seconds
from smalta.video.logbook.log_reading import LogReader
from smalta.video.pace_follower import PaceFollower
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video
from smalta.video.showing.outputs import Outputs, Seen
from smalta.video.sight import Sight
from smalta.video.status import Speed, Status
from smalta.video.watch_job import Job, Watched, header_of

__all__ = ["Job", "Watched", "header_of", "iso_utc", "watch"]

STATUS_S = 0.2  # by the clock, between two status lines
GAP_S, GAP_FRAMES = 10.0, 5  # a file has a gap where a frame is later than both
LEAST_GAP_S = 1e-3  # between a watch and the next one, also if the clock was set back


def watch(video: Video, job: Job, *, resume: bool) -> Watched:
    """Watch a video to its end, or until Ctrl-C or SIGTERM; all three leave a complete log.

    Args:
        video: open, before its first frame; it is closed.
        job: what to do.
        resume: go on with the log of the folder.

    Raises:
        ConfigError: if the folder cannot be used, or its log is another one's.
        DataError: if the video has no frame, a file cannot be written, or frames give other events than the log holds.
    """
    with end_like_ctrl_c(), video:
        first, before = _first_frame(video)
        with _opened_log(job, first, resume) as (log, state):
            if state is not None and not job.header.live:
                with job.reopen(state["sight"]["compared"]) as again:
                    sight = _sight_again(again, state, job)
                    return _Run(job, log, sight, first.time_s, state).to_the_end(again, again)
            sight = Sight(job.rules, size_hw=job.header.size_hw, seer=job.seer, pace=job.pace)
            run = _Run(job, log, sight, first.time_s, state)
            if job.header.live:
                run.restart(first, state)
            return run.to_the_end(chain(before, [first], video), video)


@contextmanager
def _opened_log(job: Job, first: Frame, resume: bool) -> Iterator[tuple[EventLog, dict[str, Any] | None]]:
    at: dict[str, Any] = {
        "time_s": log_seconds(first.time_s),
        "utc": iso_utc(first.utc_s),
        "save_every_s": job.save_every_s,
    }
    if resume:
        log, state = EventLog.resumed(job.folder, job.header, **at)
    else:
        log, state = EventLog.begin(job.folder, job.header, **at), None
    with log:
        yield log, state


def _first_frame(video: Video) -> tuple[Frame, list[Lost | Found]]:
    """The first frame, and what happened before it."""
    before: list[Lost | Found] = []
    for item in video:
        if isinstance(item, Frame):
            return item, before
        if not isinstance(item, Ended):
            before.append(item)
    raise DataError(f"{video.source} has no frame that can be decoded; name another video")


def _sight_again(video: Video, state: Mapping[str, Any], job: Job) -> Sight:
    """What an earlier watch had seen; the video is then at the frame after its last one."""
    compared, number = state["sight"]["compared"], state["frame"]
    pictures: dict[int, np.ndarray] = {}
    for item in video:
        if isinstance(item, Frame):
            if item.number in (compared, number):
                pictures[item.number] = item.picture
            if item.number >= number:
                break
    if pictures.keys() != {compared, number}:
        raise DataError(
            f"{job.header.source} has no frame {number}, at which the log in {job.folder} goes on; the video was "
            "changed: set another folder with --out"
        )
    return Sight.restored(
        job.rules,
        state["sight"],
        size_hw=job.header.size_hw,
        seer=job.seer,
        pace=job.pace,
        compared=pictures[compared],
        last=pictures[number],
    )


class _Run:
    """One watch, from where it begins or goes on.

    Args:
        job: what to do.
        log: open.
        sight: of the frames.
        first_s: seconds of the first frame of the video.
        state: of the watch that is gone on with; None to begin.
    """

    def __init__(self, job: Job, log: EventLog, sight: Sight, first_s: float, state: Mapping[str, Any] | None) -> None:
        self._job, self._log, self._sight, self._live = job, log, sight, job.header.live
        self._follower = PaceFollower(job.pace) if self._live else None
        self._speed, self._shown_s, self._began = Speed(), -STATUS_S, time.monotonic()
        self._frames = self._keys = self._dropped = 0
        self._first_s, self._was_lost = first_s, False
        self._shift = (0, 0.0)  # frames and seconds of the log before this live source
        self._last: tuple[int, float, float | None] | None = None  # number, seconds, Unix seconds
        self._outputs = Outputs(
            job.folder,
            job.rules,
            size_hw=job.header.size_hw,
            fps=job.pace.fps,
            first_s=first_s,
            live=self._live,
            wanted=job.wanted,
            report=job.report,
            state=None if state is None else state["outputs"],
        )
        if state is None:
            self._outputs.add([LogReader(job.folder).start])
        elif not self._live:
            self._last = (state["frame"], state["time_s"], None)

    def restart(self, first: Frame, state: Mapping[str, Any] | None) -> None:
        """Go on with the log of a live source: what was between is a gap, and all tracks are new."""
        last: tuple[int, float, float | None] | None = None
        next_track = 1
        if state is not None:
            last, next_track = (state["frame"], state["time_s"], state["utc_s"]), state["next_track"]
        for event in self._log.later():
            self._outputs.add([event])
            next_track = max(next_track, (event.track or 0) + 1)
            if last is None or event.time_s > last[1]:
                utc_s = None if event.utc is None else datetime.fromisoformat(event.utc).timestamp()
                last = (event.frame, event.time_s, utc_s)
        if last is None:
            return
        passed = 0.0 if first.utc_s is None or last[2] is None else first.utc_s - last[2]
        time_s = last[1] + max(passed, LEAST_GAP_S)  # the clock may have been set back
        self._shift = (last[0] + 1 - first.number, time_s - first.time_s)
        self._write(
            self._sight.restart(
                self._outputs.counts,
                first_track=next_track,
                number=last[0] + 1,
                time_s=time_s,
                utc=iso_utc(first.utc_s),
            )
        )

    # -- the loop -------------------------------------------------------------------------------------

    def to_the_end(self, items: Iterable[Frame | Lost | Found | Ended], video: Video) -> Watched:
        """Take all frames, or stop at Ctrl-C."""
        stopped = False
        try:
            try:
                for item in items:
                    with hold_interrupts():
                        self._take(item, video)
            except KeyboardInterrupt:
                stopped = True
                self._save()  # before the line that a watch that goes on cuts off
                self._write([self._event("stop")])
            else:
                self._save()
            self._outputs.finish(self._sight.ground)
        finally:
            self._outputs.close()
        return Watched(
            folder=self._job.folder,
            counts=self._outputs.counts,
            time_s=self._first_s if self._last is None else self._last[1],
            frames=self._frames,
            key_frames=self._keys,
            stopped=stopped,
            notes=(*self._log.notes, *video.notes()),
        )

    def _take(self, item: Frame | Lost | Found | Ended, video: Video) -> None:
        source = self._job.header.source
        match item:
            case Frame():
                self._frame(item, video)
            case Lost():
                self._write([self._event("lost", item.reason, utc_s=item.utc_s)])
                self._job.report(f"{source} is lost: {item.reason}; smalta connects again")
            case Found():
                self._write([self._event("found", log_seconds(item.after_s), utc_s=item.utc_s)])
                self._was_lost = True
                self._job.report(f"{source} is there again after {item.after_s:.0f} s")
            case Ended():
                self._write([self._event("ended", {"frames": item.frames, "damaged": item.damaged})])

    def _frame(self, frame: Frame, video: Video) -> None:
        number, time_s = frame.number + self._shift[0], frame.time_s + self._shift[1]
        utc, began = iso_utc(frame.utc_s), time.monotonic()
        events: list[Event] = []
        if self._last is not None and self._is_gap(self._last[1], time_s):
            events = self._sight.gap(number, self._last[1], time_s, utc)
        self._was_lost = False
        observed = self._sight.step(number, time_s, frame.picture, utc)
        seconds = time.monotonic() - began
        events += observed.events
        self._write(events)
        self._outputs.frame(
            Seen(
                number=number,
                time_s=time_s,
                picture=frame.picture,
                utc_s=frame.utc_s,
                tracks=observed.tracks,
                ground=observed.ground,
                events=events,
            )
        )
        self._last = (number, time_s, frame.utc_s)
        self._frames, self._keys, self._dropped = (
            self._frames + 1,
            self._keys + observed.key,
            self._dropped + frame.dropped,
        )
        if self._log.due():
            self._save()
        self._follow(frame, time_s, seconds if observed.key else None)
        self._speed.add(key=observed.key)
        self._show(frame, time_s, video)

    def _is_gap(self, before_s: float, time_s: float) -> bool:
        if self._live:
            return self._was_lost
        return time_s - before_s > max(GAP_S, GAP_FRAMES / self._job.pace.fps)

    def _follow(self, frame: Frame, time_s: float, key_s: float | None) -> None:
        """Change the pace of a live source if the machine does not keep up."""
        if self._follower is None or frame.utc_s is None:
            return
        behind = max(time.time() - frame.utc_s, 0.0)
        told = self._follower.add(time_s, behind_s=behind, dropped=frame.dropped, key_s=key_s)
        if told is not None:
            self._sight.pace = self._follower.pace
            self._write([self._event("note", told)])
            self._job.report(told)

    # -- files ----------------------------------------------------------------------------------------

    def _event(self, kind: Kind, value: Any = None, *, utc_s: float | None = None) -> Event:
        """An event about the watch itself, after the last frame."""
        number, time_s, last_utc_s = self._last or (0, self._first_s, None)
        at = utc_s if utc_s is not None else last_utc_s
        return Event(time_s=log_seconds(time_s), frame=number, kind=kind, utc=iso_utc(at), value=value)

    def _write(self, events: list[Event]) -> None:
        if events:
            self._log.append(events)
            self._outputs.add(events)

    def _save(self) -> None:
        if self._last is None:
            return
        number, time_s, utc_s = self._last
        sight = self._sight.state()
        self._log.save(
            {
                "frame": number,
                "time_s": time_s,
                "utc_s": utc_s,
                "next_track": sight["tracker"]["next"],
                "sight": sight,
                "outputs": self._outputs.state(),
            }
        )

    def _show(self, frame: Frame, time_s: float, video: Video) -> None:
        now = time.monotonic()
        if self._job.status is None or now - self._shown_s < STATUS_S:
            return
        self._shown_s = now
        done, total = frame.number + 1, None if self._live else video.n_frames
        left = None if not total else max(total - done, 0) * (now - self._began) / self._frames
        summary = self._outputs.summary(time_s)
        self._job.status(
            Status(
                live=self._live,
                time_s=time_s,
                share=None if not total else min(done / total, 1.0),
                seconds_left=left,
                frames_per_s=self._speed.frames_per_s,
                keys_per_s=self._speed.keys_per_s,
                behind_s=None if frame.utc_s is None else max(time.time() - frame.utc_s, 0.0),
                dropped=self._dropped,
                occupancy=summary["zones"],
                crossed={line: (passed["in"], passed["out"]) for line, passed in summary["lines"].items()},
            )
        )


def iso_utc(utc_s: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC; None stays None."""
    return None if utc_s is None else datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds")
