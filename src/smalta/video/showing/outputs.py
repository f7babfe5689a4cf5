"""What a watch writes beside its log: counts.csv, pictures for looking at, messages.

In:  frames with their tracks, ground and events.
Out: DIR/counts.csv, DIR/occupancy.png, DIR/heat.png; where asked for, DIR/video.mp4, DIR/pictures/*.jpg, MQTT messages.

Must not know: networks, how tracks and events are made, the log.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smalta.classes import ROOT
from smalta.errors import ConfigError, DataError
from smalta.pictures.writing import write_picture
from smalta.system.whole_files import write_bytes
from smalta.video.counts import Counts
from smalta.video.draw import Overlay, Painter
from smalta.video.logbook.event_lines import Event
from smalta.video.mqtt import Address, Broker, Counted
from smalta.video.rules import WatchRules
from smalta.video.showing.charts import clock, draw_counts, draw_heat
from smalta.video.showing.heat import HeatMap
from smalta.video.showing.tables import Names, SecondsTable, read_columns
from smalta.video.showing.video_file import VideoFile, free_name
from smalta.video.values import Ground, Track

VIDEO, PICTURES, OCCUPANCY, HEAT = "video.mp4", "pictures", "occupancy.png", "heat.png"
PICTURED = frozenset({"crossing", "enter", "present", "leave", "begin", "end"})
JPEG_QUALITY = 90
UNKNOWN = 200  # grey level of ground that nobody saw


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which outputs are asked for.

    Attributes:
        video: an annotated video.
        pictures: a picture for each event.
        blur: paths or names of classes whose things are blurred in both.
        mqtt: address of a broker; None for none.
    """

    video: bool = False
    pictures: bool = False
    blur: tuple[str, ...] = ()
    mqtt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """One frame, and what is known after it.

    Attributes:
        number, time_s, picture: of the frame.
        utc_s: when it arrived, Unix seconds; None for files.
        tracks: all that live.
        ground: the class map; None before the first key frame.
        events: that became known by this frame.
    """

    number: int
    time_s: float
    picture: np.ndarray
    utc_s: float | None
    tracks: Sequence[Track]
    ground: Ground | None
    events: Sequence[Event]


class Outputs:
    """All outputs of one watch.

    Args:
        folder: of the watch; it exists.
        rules: fitted to the frames.
        size_hw: of the frames, pixels.
        fps: about how many frames a second come.
        first_s: seconds of the stream at which the watch begins.
        live: whether frames have a time of the day.
        wanted: what is asked for.
        report: called with a sentence if a broker is away.
        state: of earlier outputs, to go on with; None to begin.

    Attributes:
        counts: after all events.

    Raises:
        ConfigError: if an output cannot be made as it is asked for.
        DataError: if a file cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        rules: WatchRules,
        *,
        size_hw: tuple[int, int],
        fps: float,
        first_s: float,
        live: bool,
        wanted: Wanted,
        report: Callable[[str], None],
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder, self._rules, self._size_hw, self._fps, self._live = folder, rules, size_hw, fps, live
        self._names = names_of(rules, live=live)
        self._pictures = wanted.pictures
        self._painter = Painter(rules, size_hw, blur=blurred_nodes(wanted.blur, rules))
        self.counts = Counts() if state is None else Counts.restored(state["counts"])
        self._heat = HeatMap(size_hw, None if state is None else state["heat"])
        table = None if state is None else state["table"]
        self._table = SecondsTable(folder, self._names, first_s=first_s, state=table)

        self._at: tuple[float, float | None] = (first_s, None) if state is None else (state["at"][0], state["at"][1])
        if wanted.pictures:
            try:
                (folder / PICTURES).mkdir(exist_ok=True)
            except OSError as error:
                raise DataError(f"{folder / PICTURES} cannot be made ({error.strerror}); set another --out") from error
        self._video = VideoFile(free_name(folder / VIDEO), size_hw, fps) if wanted.video else None
        self._broker: Broker | None = None
        if wanted.mqtt is not None:
            address = Address.parse(wanted.mqtt, name=folder.resolve().name)
            self._broker = Broker(address, counted_of(rules, self._names), report)

    def add(self, events: Sequence[Event]) -> None:
        """Take the next events of the log."""
        for event in events:
            self.counts.add(event)
            self._table.add(event)
            if self._broker is not None:
                self._broker.event({key: value for key, value in event.to_dict().items() if key != "evidence"})

    def frame(self, seen: Seen) -> None:
        """Take a frame whose events were added."""
        self._at = seen.time_s, seen.utc_s
        self._heat.add(seen.time_s, seen.tracks)
        self._table.reach(seen.time_s, seen.utc_s)
        if self._broker is not None:
            self._broker.counts(self.summary(seen.time_s))
        pictured = [event for event in seen.events if event.kind in PICTURED] if self._pictures else []
        if self._video is None and not self._pictures:
            return
        moment = self._moment(seen)
        self._painter.follow(moment)
        if self._video is not None:
            drawn = self._painter.draw(seen.picture, moment)
            self._video.write(drawn, seen.time_s)
        for event in pictured:
            self._write_picture(seen, event)

    def summary(self, time_s: float) -> dict[str, Any]:
        """The counts as plain data, for messages."""
        counts = self.counts
        lines = {}
        for line in self._names.lines:
            passed = counts.passed(line)
            lines[line] = {
                "in": passed.in_low,
                "out": passed.out_low,
                "in_high": passed.in_high,
                "out_high": passed.out_high,
            }
        return {
            "second": int(time_s),
            "zones": {zone: counts.occupancy(zone) for zone in self._names.zones},
            "places": {place: counts.occupancy(place) > 0 for place in self._names.places},
            "lines": lines,
            "events": {rule.name: bool(counts.holding(rule.name)) for rule in self._rules.events},
        }

    def state(self) -> dict[str, Any]:
        """Plain data, with which other outputs go on."""
        return {
            "at": list(self._at),
            "counts": self.counts.state(),
            "heat": self._heat.state(),
            "table": self._table.state(),
        }

    def finish(self, ground: Ground | None) -> None:
        """Write the last rows, the charts and the last messages, and close everything.

        Args:
            ground: the last class map, for the colours of the heat map; None if there was none.
        """
        time_s, utc_s = self._at
        rest_s = math.floor(time_s) + 1 - time_s  # the last second is over with the watch
        self._table.reach(time_s + rest_s, None if utc_s is None else utc_s + rest_s, late_s=0)
        self._write_charts(ground)
        if self._broker is not None:
            self._broker.counts(self.summary(time_s))
        self.close()

    def close(self) -> None:
        """Close everything; a second call does nothing."""
        self._table.close()
        if self._video is not None:
            self._video.close()
        if self._broker is not None:
            self._broker.close()
            self._broker = None

    def _write_charts(self, ground: Ground | None) -> None:
        columns = read_columns(self._folder, self._names)
        if len(columns):
            write_picture(self._folder / OCCUPANCY, draw_counts(columns))
        if ground is None:
            colors = np.full((*self._size_hw, 3), UNKNOWN, dtype=np.uint8)
        else:
            cells = self._rules.tree.colors[ground.classes].astype(np.uint8)
            cells[ground.classes == ROOT] = UNKNOWN
            side = ground.cell
            colors = cells.repeat(side, axis=0).repeat(side, axis=1)[: self._size_hw[0], : self._size_hw[1]]
        shapes = [zone.polygon for zone in self._rules.zones if zone.polygon is not None]
        shapes += [np.array([line.start_xy, line.end_xy]) for line in self._rules.lines]
        image = draw_heat(self._heat.seconds, colors, self._heat.cell, shapes)
        write_picture(self._folder / HEAT, image)

    def _moment(self, seen: Seen, marked: Collection[int] = ()) -> Overlay:
        counts = self.counts
        crossed = {line: counts.passed(line) for line in self._names.lines}
        return Overlay(
            time_s=seen.time_s,
            clock=clock(int(seen.time_s), of_day=False) if seen.utc_s is None else _utc(seen.utc_s),
            tracks=seen.tracks,
            ground=seen.ground,
            occupancy={zone.name: counts.occupancy(zone.name) for zone in self._rules.zones},
            crossed={line: (passed.in_low, passed.out_low) for line, passed in crossed.items()},
            active=[rule.name for rule in self._rules.events if counts.holding(rule.name)],
            now=[event.name for event in seen.events if event.kind == "crossing"],
            marked=marked,
        )

    def _write_picture(self, seen: Seen, event: Event) -> None:
        parts = [f"{event.frame:07d}", event.kind, event.name or event.zone or "", event.way or ""]
        parts += [] if event.track is None else [str(event.track)]
        stem = "-".join(re.sub(r"\W+", "_", part) for part in parts if part)
        path = self._folder / PICTURES / f"{stem}.jpg"
        if path.exists():  # of the watch that is gone on with
            return
        drawn = self._painter.draw(seen.picture, self._moment(seen, [] if event.track is None else [event.track]))
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        done, encoded = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), quality)
        if not done:
            raise DataError(f"{path} cannot be encoded as JPEG with {drawn.shape[0]} x {drawn.shape[1]} pixels")
        write_bytes(path, encoded.tobytes())


def names_of(rules: WatchRules, *, live: bool) -> Names:
    """What the tables of these rules are about."""
    places = tuple(zone.name for zone in rules.zones if zone.polygon is not None and zone.point == "overlap")
    return Names(
        zones=tuple(zone.name for zone in rules.zones if zone.name not in places),
        places=places,
        lines=tuple(line.name for line in rules.lines),
        live=live,
    )


def counted_of(rules: WatchRules, names: Names) -> Counted:
    """What Home Assistant is told of these rules."""

    def unit(node: int) -> str:
        return rules.tree[node].name if node != ROOT else "objects"

    return Counted(
        zones={zone.name: unit(zone.of) for zone in rules.zones if zone.name in names.zones},
        places=names.places,
        lines={line.name: unit(line.of) for line in rules.lines},
        events=tuple(rule.name for rule in rules.events),
    )


def blurred_nodes(blur: Sequence[str], rules: WatchRules) -> list[int]:
    """Ids of the classes to blur.

    Raises:
        ConfigError: if a class is unknown, or nothing of it can be blurred.
    """
    nodes = []
    for name in blur:
        node = rules.tree[name].id  # refuses unknown names
        if not rules.tree.is_thing[[node, *rules.tree.descendants(node)]].any():
            raise ConfigError(f"--blur {name} names no thing, and only things have masks; name a class of things")
        nodes.append(node)
    return nodes


def _utc(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
