"""From tracks and ground to events: lines, zones and rules of one camera, frame by frame.

In:  the tracks of each frame, the class map, the rules.
Out: `Event`s, in an order that depends on the frames alone.

An event has the time at which it happened and the frame by which it is known. A track that does not count yet makes no
event; once it counts, its events come with the times at which they happened. What is remembered belongs to the tracks
that live, so memory does not grow with the number of events.

Must not know: networks, how tracks are made, files, counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from smalta.classes import ClassTree
from smalta.video.counts import Counts
from smalta.video.crossing import LineCounter, Moving
from smalta.video.logbook.event_lines import Event, Kind, Way, log_seconds
from smalta.video.noticing.followed import Followed
from smalta.video.noticing.moment import Moment, with_below
from smalta.video.noticing.rule_watch import RuleChange, RuleWatch
from smalta.video.noticing.zone_watch import ZoneChange, ZoneWatch
from smalta.video.rules import WatchRules
from smalta.video.tracks import Step
from smalta.video.values import Ground, Track

__all__ = ["Event", "EventEngine"]


class EventEngine:
    """Makes events of tracks.

    Args:
        tree: the classes.
        rules: fitted to the pictures.
        size_hw: of the pictures, pixels.
        cell: side of a cell, pixels.

    Example:
        >>> engine = EventEngine(tree, rules.fitted((360, 640)), size_hw=(360, 640), cell=4)
        >>> engine.step(0, 0.0, tracker.detected(0.0, found, None), ground, None)
        []
    """

    def __init__(self, tree: ClassTree, rules: WatchRules, *, size_hw: tuple[int, int], cell: int) -> None:
        self._tree, self._ruled, self._size_hw = tree, rules, size_hw
        cells_hw = (-(-size_hw[0] // cell), -(-size_hw[1] // cell))
        self._lines = [LineCounter(line) for line in rules.lines]
        self._counted = [with_below(tree, line.of) for line in rules.lines]
        self._zones = ZoneWatch(rules.zones, tree, cells_hw=cells_hw, cell=cell)
        self._rules = RuleWatch(rules.events, tree)
        self._followed: dict[int, Followed] = {}
        self._began_s: float | None = None  # when the watch began or could see again

    # -- a frame --------------------------------------------------------------------------------------

    def step(self, frame: int, time_s: float, step: Step, ground: Ground | None, utc: str | None) -> list[Event]:
        """Take a frame.

        Args:
            frame: its number.
            time_s: seconds of the stream.
            step: its tracks.
            ground: its class map, on the cells of the tracks; None if it is not known in this frame.
            utc: when it arrived, ISO 8601, for live sources.

        Returns:
            Crossings by line, changes by zone, changes by rule; within each those of tracks that ended come last.
        """
        if self._began_s is None:
            self._began_s = time_s
        writer = _Writer(self._tree, self._size_hw, frame, time_s, utc)
        seen = self._see(frame, time_s, step)
        events = self._cross(time_s, step, writer)
        moment = Moment(self._tree, time_s, seen, ground)
        changes = self._zones.step(moment, self._began_s)
        ended = [self._followed.pop(number) for number in self._gone(step)]
        lost = [change for one in ended for change in self._zones.end(one)]
        events += [writer.of_zone(change) for change in (*changes, *lost)]
        rules = self._rules.step(moment, self._followed, (*changes, *lost))
        rules += [change for one in ended for change in self._rules.end(one)]
        return events + [writer.of_rule(change) for change in rules]

    def gap(self, frame: int, from_s: float, to_s: float, utc: str | None) -> list[Event]:
        """Nothing was seen for a time: whoever is first seen after it was there before.

        Args:
            frame: the first one after the gap.
            from_s: seconds of the stream of the last moment that was seen.
            to_s: of the first moment that is seen again.
            utc: of that moment.
        """
        self._began_s = to_s
        value = {"from_s": log_seconds(from_s), "to_s": log_seconds(to_s)}
        return [Event(time_s=log_seconds(to_s), frame=frame, kind="unseen", utc=utc, value=value)]

    @classmethod
    def after_restart(
        cls,
        tree: ClassTree,
        rules: WatchRules,
        *,
        size_hw: tuple[int, int],
        cell: int,
        counts: Counts,
        frame: int,
        time_s: float,
        utc: str | None,
    ) -> tuple[Self, list[Event]]:
        """An engine for a live source that is watched again, and the events that close what was open before.

        All tracks are lost: whoever was inside leaves when the log ends, which is doubtful, and rules that hold end.
        Whoever is inside now is present and does not enter.

        Args:
            tree, rules, size_hw, cell: as for a new engine.
            counts: after all events of the log; they take the events that are returned too.
            frame: the first one that is seen again.
            time_s: of that frame.
            utc: of that frame.
        """
        engine = cls(tree, rules, size_hw=size_hw, cell=cell)
        last_s = min(counts.time_s, time_s)
        events = counts.closing(time_s=last_s, frame=frame, utc=utc)
        return engine, [*events, *engine.gap(frame, last_s, time_s, utc)]

    # -- parts of a step ------------------------------------------------------------------------------

    def _see(self, frame: int, time_s: float, step: Step) -> list[tuple[Followed, Track]]:
        """The tracks that are seen in this frame, with what is remembered of them."""
        seen = []
        for track in step.tracks:
            if not (track.seen and track.mask.cells.any()):
                continue
            one = self._followed.get(track.number)
            if one is None:
                one = self._followed[track.number] = Followed.begun(time_s, track)
            one.see(frame, time_s, track)
            one.ignored = bool(self._ruled.ignore) and self._ruled.ignores(track.node, track.attributes)
            seen.append((one, track))
        return seen

    def _cross(self, time_s: float, step: Step, writer: _Writer) -> list[Event]:
        """Crossings of tracks that count and are of a line's class."""
        if not self._lines:
            return []
        moving = [Moving.of(track) for track in step.tracks]
        ended = [track.number for track in step.ended]
        events = []
        for line, nodes in zip(self._lines, self._counted, strict=True):
            for crossing in line.step(time_s, moving, ended):
                one = self._followed.get(crossing.track)
                if one is not None and not one.ignored and one.node in nodes:
                    events.append(
                        writer.of_track(
                            "crossing", one, crossing.time_s, name=crossing.line, way=crossing.way, sure=crossing.sure
                        )
                    )
        return events

    def _gone(self, step: Step) -> list[int]:
        """Numbers of the tracks that are remembered and do not live any more."""
        living = {track.number for track in step.tracks}
        return [number for number in self._followed if number not in living]

    # -- state ----------------------------------------------------------------------------------------

    def occupancy(self) -> dict[str, int]:
        """How many are inside of each zone now; a fold over all events gives the same."""
        return {
            zone.name: sum(
                (member := one.zones.get(zone.name)) is not None and member.node is not None
                for one in self._followed.values()
            )
            for zone in self._ruled.zones
        }

    def state(self) -> dict[str, Any]:
        """Plain data, from which `restored` makes an engine that goes on in the same way."""
        return {
            "began_s": self._began_s,
            "followed": [one.state() for one in self._followed.values()],
            "lines": {line.line.name: line.state() for line in self._lines},
            "rules": self._rules.state(),
        }

    @classmethod
    def restored(
        cls, tree: ClassTree, rules: WatchRules, state: Mapping[str, Any], *, size_hw: tuple[int, int], cell: int
    ) -> Self:
        """The engine whose `state` this was; the other arguments as they were then."""
        engine = cls(tree, rules, size_hw=size_hw, cell=cell)
        engine._began_s = state["began_s"]
        engine._followed = {one.number: one for one in map(Followed.restored, state["followed"])}
        engine._lines = [LineCounter.restored(line, state["lines"][line.name]) for line in rules.lines]
        engine._rules.restore(state["rules"])
        return engine


class _Writer:
    """Writes the events of one frame."""

    def __init__(self, tree: ClassTree, size_hw: tuple[int, int], frame: int, time_s: float, utc: str | None) -> None:
        self._tree, self._size_hw, self._frame, self._time_s, self._utc = tree, size_hw, frame, time_s, utc

    def of_zone(self, change: ZoneChange) -> Event:
        one = change.followed
        return self.of_track(
            change.kind,
            one,
            change.time_s,
            zone=change.zone,
            node=change.node,
            sure=change.sure,
        )

    def of_rule(self, change: RuleChange) -> Event:
        value = log_seconds(change.value) if isinstance(change.value, float) else change.value
        if change.followed is not None:
            return self.of_track(
                change.kind,
                change.followed,
                change.time_s,
                name=change.rule,
                zone=change.zone,
                sure=change.sure,
                value=value,
            )
        return Event(
            time_s=log_seconds(change.time_s),
            frame=self._frame,
            kind=change.kind,
            name=change.rule,
            node=self._path(change.node),
            zone=change.zone,
            utc=self._at(change.time_s),
            value=value,
        )

    def of_track(
        self,
        kind: Kind,
        one: Followed,
        time_s: float,
        *,
        name: str = "",
        zone: str | None = None,
        node: int | None = None,
        way: Way | None = None,
        sure: bool = True,
        value: float | int | None = None,
    ) -> Event:
        return Event(
            time_s=log_seconds(time_s),
            frame=self._frame,
            kind=kind,
            name=name,
            way=way,
            track=one.number,
            node=self._path(one.node if node is None else node),
            zone=zone,
            sure=sure,
            utc=self._at(time_s),
            evidence=one.shown.evidence(self._size_hw) if kind in _PROVED else None,
            value=value,
        )

    def _path(self, node: int) -> str | None:
        return self._tree.name(node) if node else None

    def _at(self, time_s: float) -> str | None:
        """The clock at a moment at or before this frame."""
        if self._utc is None:
            return None
        moment = datetime.fromisoformat(self._utc).astimezone(UTC) - timedelta(seconds=self._time_s - time_s)
        return moment.isoformat(timespec="milliseconds")


_PROVED = ("crossing", "enter", "present", "leave", "begin")  # kinds of events that have evidence
