"""Counts of a watch: a fold over its events.

In:  events, in the order of the log.
Out: `Counts`: who is inside, who crossed a line, which rules hold, by node at every level.

The counts of a node hold those of all nodes below it, so a parent is the sum of its children and of objects that are
known only as the parent. Memory depends on what is inside at one moment, not on how many events there were.

How many came in: `in_low` counts what was seen without doubt, `in_high` adds what is doubtful. For a zone, a track that
was first seen inside is doubtful, unless the watch had just begun; then it was inside already and did not come in.

Must not know: tracks, rules, files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from smalta.errors import DataError
from smalta.system.records import read_record
from smalta.video.logbook.event_lines import Event, Way, log_seconds

ALL = ""  # stands for all nodes together


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One crossing of a line, or one entering or leaving of a zone.

    Attributes:
        of: what was passed.
        name: of the line or zone.
        way: in or out.
        sure: whether it is without doubt.
    """

    of: Literal["line", "zone"]
    name: str
    way: Way
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """How often a line was crossed, or a zone entered and left.

    Attributes:
        in_low, out_low: without doubt.
        in_high, out_high: the doubtful ones included.
    """

    in_low: int = 0
    in_high: int = 0
    out_low: int = 0
    out_high: int = 0

    def plus(self, passage: Passage) -> Passed:
        """With one more."""
        sure, inwards, outwards = passage.sure, int(passage.way == "in"), int(passage.way == "out")
        return Passed(
            in_low=self.in_low + inwards * sure,
            in_high=self.in_high + inwards,
            out_low=self.out_low + outwards * sure,
            out_high=self.out_high + outwards,
        )


@dataclass(slots=True, kw_only=True)
class _Held:
    """All that the fold keeps; plain data apart from the records in it."""

    time_s: float = 0.0
    unseen_s: float = 0.0
    passed: dict[str, dict[str, dict[str, Passed]]] = field(default_factory=lambda: {"line": {}, "zone": {}})
    inside: dict[str, dict[str, str]] = field(default_factory=dict)  # zone, track: node
    amount: dict[str, dict[str, int]] = field(default_factory=dict)  # zone, node: tracks inside
    begun: dict[str, int] = field(default_factory=dict)  # rule: times
    lasted: dict[str, float] = field(default_factory=dict)  # rule: seconds
    holding: dict[str, dict[str, float]] = field(default_factory=dict)  # rule, track or "": when it began


class Counts:
    """The counts after some events; begin with none, then `add` each.

    Example:
        >>> counts = Counts()
        >>> for event in LogReader("door"):
        ...     counts.add(event)
        >>> counts.passed("door").in_low, counts.occupancy("shop", "person")
        (6, 1)
    """

    def __init__(self) -> None:
        self._held = _Held()

    # -- the fold -------------------------------------------------------------------------------------

    def add(self, event: Event) -> None:
        """Take the next event.

        Raises:
            DataError: if the event cannot follow, such as a track that leaves a zone in which it is not.
        """
        held = self._held
        held.time_s = max(held.time_s, event.time_s)
        match event.kind:
            case "start":
                self._know(event.value)
            case "crossing" | "enter" | "present" | "leave":
                self._move(event)
            case "renamed":
                self._go(event)
                self._put(event)
            case "begin":
                self._begin(event)
            case "end":
                self._end(event)
            case "unseen":
                held.unseen_s += float(event.value["to_s"]) - float(event.value["from_s"])

    def add_all(self, events: Iterable[Event]) -> Self:
        """Take some events; returns itself."""
        for event in events:
            self.add(event)
        return self

    def _know(self, header: Mapping[str, Any]) -> None:
        """Lines, zones and rules count zero from the start."""
        for of, names in (("line", header["lines"]), ("zone", header["zones"])):
            for name, node in names.items():
                self._held.passed[of].setdefault(name, {}).update(dict.fromkeys((*lineage(node), ALL), Passed()))
        for zone, node in header["zones"].items():
            self._held.inside.setdefault(zone, {})
            self._held.amount.setdefault(zone, {}).update(dict.fromkeys((*lineage(node), ALL), 0))
        for name in header["events"]:
            self._held.begun.setdefault(name, 0)
            self._held.lasted.setdefault(name, 0.0)

    def _move(self, event: Event) -> None:
        if event.kind == "leave":
            self._go(event)
        elif event.kind != "crossing":
            self._put(event)
        if (passage := passage_of(event)) is not None:
            counts = self._held.passed[passage.of].setdefault(passage.name, {})
            for path in (*lineage(event.node), ALL):
                counts[path] = counts.get(path, Passed()).plus(passage)

    def _put(self, event: Event) -> None:
        zone, track = event.zone or "", str(event.track)
        inside = self._held.inside.setdefault(zone, {})
        if track in inside:
            raise self._impossible(event, "is inside already")
        inside[track] = event.node or ALL
        self._change(zone, event.node, 1)

    def _go(self, event: Event) -> None:
        zone = event.zone or ""
        node = self._held.inside.get(zone, {}).pop(str(event.track), None)
        if node is None:
            raise self._impossible(event, "is not inside")
        self._change(zone, node, -1)

    def _change(self, zone: str, node: str | None, by: int) -> None:
        amount = self._held.amount.setdefault(zone, {})
        for path in (*lineage(node), ALL):
            amount[path] = amount.get(path, 0) + by

    def _begin(self, event: Event) -> None:
        held, name, key = self._held, event.name, _key(event)
        holding = held.holding.setdefault(name, {})
        if key in holding:
            raise self._impossible(event, "holds already")
        holding[key] = event.time_s
        held.begun[name] = held.begun.get(name, 0) + 1
        held.lasted.setdefault(name, 0.0)

    def _end(self, event: Event) -> None:
        began = self._held.holding.get(event.name, {}).pop(_key(event), None)
        if began is None:
            raise self._impossible(event, "does not hold")
        self._held.lasted[event.name] += event.time_s - began

    def _impossible(self, event: Event, why: str) -> DataError:
        return DataError(
            f"the log has {event.kind!r} of {event.zone or event.name!r} and track {event.track} at "
            f"{event.time_s:g} s, and it {why}; the log was edited: restore it from a copy"
        )

    # -- reading --------------------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Seconds of the stream of the latest event."""
        return self._held.time_s

    @property
    def unseen_s(self) -> float:
        """Seconds of all gaps."""
        return self._held.unseen_s

    @property
    def lines(self) -> tuple[str, ...]:
        """Names of the lines, those of the header first."""
        return tuple(self._held.passed["line"])

    @property
    def zones(self) -> tuple[str, ...]:
        """Names of the zones, those of the header first."""
        return tuple(dict.fromkeys((*self._held.inside, *self._held.passed["zone"])))

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules, those of the header first."""
        return tuple(self._held.begun)

    def nodes(self, of: Literal["line", "zone"], name: str) -> tuple[str, ...]:
        """Paths of the nodes that a line or a zone has counts of, parents first."""
        held = self._held
        amount = held.amount.get(name, {}) if of == "zone" else {}
        return tuple(sorted({*held.passed[of].get(name, {}), *amount} - {ALL}))

    def passed(self, line: str, node: str = ALL) -> Passed:
        """How often a line was crossed by objects of a node; without a node, by all."""
        return self._held.passed["line"].get(line, {}).get(node, Passed())

    def entered(self, zone: str, node: str = ALL) -> Passed:
        """How often a zone was entered and left by objects of a node; without a node, by all."""
        return self._held.passed["zone"].get(zone, {}).get(node, Passed())

    def occupancy(self, zone: str, node: str = ALL) -> int:
        """Objects of a node that are inside of a zone now; without a node, all."""
        return self._held.amount.get(zone, {}).get(node, 0)

    def inside(self, zone: str) -> dict[int, str]:
        """Tracks that are inside of a zone now, with the path of their class."""
        return {int(track): node for track, node in self._held.inside.get(zone, {}).items()}

    def begun(self, rule: str) -> int:
        """How often a rule began to hold."""
        return self._held.begun.get(rule, 0)

    def lasted_s(self, rule: str) -> float:
        """Seconds that a rule held, up to its last end; times of several tracks add up."""
        return self._held.lasted.get(rule, 0.0)

    def holding(self, rule: str) -> dict[int | None, float]:
        """For which tracks a rule holds now, and since when; without a track if the rule is about a count."""
        return {int(key) if key else None: at for key, at in self._held.holding.get(rule, {}).items()}

    def closing(self, *, time_s: float, frame: int, utc: str | None) -> list[Event]:
        """Events that end all that is open, for a live source whose tracks are lost.

        Args:
            time_s: of the last moment that was seen.
            frame: the last frame.
            utc: of that moment.
        """
        at = log_seconds(time_s)
        found = []
        for name, holding in self._held.holding.items():
            for key, began in holding.items():
                track = int(key) if key else None
                value = log_seconds(max(at - began, 0.0))
                end = Event(time_s=max(at, began), frame=frame, kind="end", name=name, track=track, utc=utc)
                found.append(replace(end, sure=False, value=value))
        for zone, tracks in self._held.inside.items():
            for key, node in tracks.items():
                track, path = int(key), node or None
                leave = Event(time_s=at, frame=frame, kind="leave", zone=zone, track=track, node=path, utc=utc)
                found.append(replace(leave, sure=False))
        return found

    # -- state ----------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self._held == other._held

    def state(self) -> dict[str, Any]:
        """Plain data, from which `restored` makes equal counts."""
        return asdict(self._held)

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Counts from their state.

        Raises:
            DataError: if it is not such a state.
        """
        made = cls()
        made._held = read_record(_Held, state, what="the state of the counts", error=DataError, complete=True)
        return made


def passage_of(event: Event) -> Passage | None:
    """What an event adds to the counts of a line or zone; None if nothing.

    A track that is first seen inside may have come in unseen, which is doubtful. If the watch had just begun ("present"
    is sure), it did not come in.
    """
    zone = event.zone or ""
    match event.kind, event.sure:
        case "crossing", sure:
            return Passage(of="line", name=event.name, way=event.way or "in", sure=sure)
        case "enter", sure:
            return Passage(of="zone", name=zone, way="in", sure=sure)
        case "present", False:
            return Passage(of="zone", name=zone, way="in", sure=False)
        case "leave", sure:
            return Passage(of="zone", name=zone, way="out", sure=sure)
    return None


def lineage(path: str | None) -> tuple[str, ...]:
    """A node's path and those of its ancestors, the topmost first.

    Example:
        >>> lineage("vehicle/car"), lineage(None)
        (('vehicle', 'vehicle/car'), ())
    """
    if not path:
        return ()
    names = path.split("/")
    return tuple("/".join(names[:depth]) for depth in range(1, len(names) + 1))


def _key(event: Event) -> str:
    return "" if event.track is None else str(event.track)
