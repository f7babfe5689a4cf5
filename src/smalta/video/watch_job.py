"""What is watched and how, and what came out.

In:  rules, a pace, what sees frames, a folder.
Out: `Job`, `Watched`; the header of a log.

Must not know: how frames are watched, how models are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smalta.video.counts import Counts
from smalta.video.log import SAVE_S
from smalta.video.logbook.log_header import LogHeader
from smalta.video.pacing import Pace
from smalta.video.reading.items import Video
from smalta.video.rules import WatchRules
from smalta.video.showing.outputs import Wanted
from smalta.video.sight import Sees
from smalta.video.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a watch found.

    Attributes:
        folder: of the log and the outputs.
        counts: after the last event.
        time_s: seconds of the stream of the last frame.
        frames: that this program handled, without those of a watch that it went on with.
        key_frames: of these, how many the network saw.
        stopped: whether the watch was stopped before the end of the video.
        notes: sentences for the user.
    """

    folder: Path
    counts: Counts
    time_s: float
    frames: int
    key_frames: int
    stopped: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is watched, and how.

    Attributes:
        folder: for the log and the outputs.
        header: of the log.
        rules: fitted to the frames.
        pace: of the video.
        seer: sees key frames.
        wanted: outputs beside the log.
        reopen: opens a file again, from the frame of this number on.
        report: called with sentences for the user while the watch goes on.
        status: called now and then with how the watch is doing; None for nobody.
        save_every_s: by the clock, between two saved states.
    """

    folder: Path
    header: LogHeader
    rules: WatchRules
    pace: Pace
    seer: Sees
    wanted: Wanted
    reopen: Callable[[int], Video]
    report: Callable[[str], None]
    status: Callable[[Status], None] | None = None
    save_every_s: float = SAVE_S


def header_of(
    rules: WatchRules, *, model: str, source: str, size_hw: tuple[int, int], live: bool, settings: Mapping[str, Any]
) -> LogHeader:
    """The header of the log of a watch.

    Args:
        rules: fitted to the frames.
        model: digest of the model.
        source: as it is shown, without a password.
        size_hw: of the frames, pixels.
        live: whether the source is live.
        settings: what else decides about the events of a file; plain data.
    """

    def path(node: int) -> str:
        return rules.tree.name(node) if node else ""

    return LogHeader(
        model=model,
        rules=rules.digest,
        source=source,
        size_hw=size_hw,
        live=live,
        lines={line.name: path(line.of) for line in rules.lines},
        zones={zone.name: path(zone.of) for zone in rules.zones},
        events=tuple(rule.name for rule in rules.events),
        settings={} if live else dict(settings),
    )
