"""When the rules of a camera begin and end to hold.

In:  the tracks of each frame, what changed in zones.
Out: `RuleChange`s; what holds for a track in `Followed.rules`.

A rule begins at the moment from which its condition held, though it is known only after the rule's `for`. It ends at
the moment from which the condition did not hold. What a track stands on, and what is near it, must last
for `SETTLED_S`, as the places in zones do. While a track is not seen, nothing changes for it.

Still is a track whose foot, smoothed over 0.5 s, stays within 12 px or 25 % of its height, whichever is more.

Must not know: lines, the log.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from smalta.classes import ClassTree
from smalta.video.noticing.followed import Followed, Holding
from smalta.video.noticing.moment import Moment, with_below
from smalta.video.noticing.settled import SETTLED_S, Settled
from smalta.video.noticing.zone_watch import ZoneChange
from smalta.video.rulebook.conditions import Condition, Count, On, Stays, Still
from smalta.video.rules import EventRule
from smalta.video.values import Track

_ROUNDING_S = 1e-9


class _State(NamedTuple):
    """Whether something holds, since when it does or does not, and up to when that is certain."""

    holds: bool
    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A rule began or ended to hold.

    Attributes:
        kind: as of an event.
        rule: its name.
        followed: the track; None for a rule about a count.
        node: id of what a count counts; 0 for a rule about a track.
        zone: name of the zone of the condition; None without one.
        time_s: when it happened, seconds of the stream.
        value: the count for a rule about a count that begins, seconds for a rule that ends; else None.
        sure: False if the track was lost while the rule held.
    """

    kind: Literal["begin", "end"]
    rule: str
    followed: Followed | None
    node: int
    zone: str | None
    time_s: float
    value: float | int | None
    sure: bool = True


class RuleWatch:
    """Watches all rules that begin and end.

    Args:
        rules: fitted to the picture.
        tree: the classes.
    """

    def __init__(self, rules: Sequence[EventRule], tree: ClassTree) -> None:
        self._rules = rules
        conditions = [one for rule in rules for one in (rule.when, rule.unless) if one is not None]
        self._nodes = {one.node: with_below(tree, one.node) for one in conditions}
        nearby = [one.without for one in conditions if isinstance(one, Still) and one.without is not None]
        self._nodes |= {node: with_below(tree, node) for node in nearby}
        self._of_tracks = [one for one in conditions if isinstance(one, On | Still)]
        self._counts = [one for one in conditions if isinstance(one, Count)]
        self._first_s: float | None = None  # seconds of the stream of the first frame
        self._counted: dict[str, _State] = {}  # by text of the condition
        self._amounts: dict[str, int] = {}
        self._holding: dict[str, Holding] = {}  # of rules about counts

    # -- a frame --------------------------------------------------------------------------------------

    def step(self, moment: Moment, followed: Mapping[int, Followed], changes: Sequence[ZoneChange]) -> list[RuleChange]:
        """Take a frame.

        Args:
            moment: of the frame.
            followed: all tracks that live, the hidden ones too, by number.
            changes: what changed in zones in this frame.

        Returns:
            Changes by rule, then by number of the track.
        """
        if self._first_s is None:
            self._first_s = moment.time_s
        for one, track in moment.seen:
            for condition in self._of_tracks:
                self._look(condition, moment, one, track, followed)
        for count in self._counts:
            self._count(count, moment.time_s, self._first_s, followed, changes)
        found = []
        for rule in self._rules:
            if isinstance(rule.when, Count):
                holding = self._holding.setdefault(rule.name, Holding())
                unless = None if rule.unless is None else self._for_any(rule.unless, moment.time_s, followed)
                state = _together(self._counted[rule.when.text], unless)
                found += self._follow(rule, holding, state, None)
                continue
            for one in followed.values():
                holding = one.rules.setdefault(rule.name, Holding())
                found += self._follow(rule, holding, self._of_track(rule, one), one)
        return found

    def end(self, followed: Followed) -> list[RuleChange]:
        """A track is given up: all rules that hold for it end when it was last seen."""
        found = []
        for rule in self._rules:
            holding = followed.rules.get(rule.name)
            if holding is not None and holding.begun_s is not None:
                found.append(self._ended(rule, holding, followed.last_s, followed, sure=False))
        return found

    def _follow(self, rule: EventRule, holding: Holding, state: _State, followed: Followed | None) -> list[RuleChange]:
        """The event of a rule in this frame, if there is one."""
        holds, changed_s, until_s = state
        if not holds:
            began, holding.since_s = holding.begun_s, None
            return [] if began is None else [self._ended(rule, holding, changed_s, followed, sure=True)]
        if holding.since_s is None:
            holding.since_s = max(changed_s, holding.ended_s)
        if holding.begun_s is not None or until_s - holding.since_s < rule.for_s - _ROUNDING_S:
            return []
        holding.begun_s = holding.since_s
        change = RuleChange(
            kind="begin",
            rule=rule.name,
            followed=followed,
            node=rule.when.node if followed is None else 0,
            zone=_zone(rule.when),
            time_s=holding.since_s,
            value=self._amounts[rule.when.text] if followed is None else None,
        )
        return [change]

    def _ended(
        self, rule: EventRule, holding: Holding, changed_s: float, followed: Followed | None, *, sure: bool
    ) -> RuleChange:
        began = holding.begun_s or 0.0
        at = max(changed_s, began)
        holding.since_s, holding.begun_s, holding.ended_s = None, None, at
        return RuleChange(
            kind="end",
            rule=rule.name,
            followed=followed,
            node=rule.when.node if followed is None else 0,
            zone=_zone(rule.when),
            time_s=at,
            value=at - began,
            sure=sure,
        )

    # -- conditions -----------------------------------------------------------------------------------

    def _look(
        self, condition: On | Still, moment: Moment, one: Followed, track: Track, followed: Mapping[int, Followed]
    ) -> None:
        """What a track stands on, and whether it is alone."""
        if isinstance(condition, On):
            now = moment.on(track, condition.stuff)
        elif condition.without is None:
            return
        else:
            nodes, far = self._nodes[condition.without], condition.within_px
            now = not any(
                other.counts and other.node in nodes and math.dist(other.place_yx, one.place_yx) <= far
                for other in followed.values()
                if other.number != one.number
            )
        if now is not None:
            one.settled.setdefault(condition.text, Settled()).see(moment.time_s, now)

    def _count(
        self,
        count: Count,
        time_s: float,
        first_s: float,
        followed: Mapping[int, Followed],
        changes: Sequence[ZoneChange],
    ) -> None:
        """How many are in a zone. A count changes when the last of them came or left.

        In the first `SETTLED_S` it is not known who is inside, so no count is known.
        """
        nodes = self._nodes[count.node]
        inside = [one.zones[count.zone] for one in followed.values() if count.zone in one.zones]
        amount = sum(one.node in nodes for one in inside)
        until_s = min((one.inside.changing_s(time_s) for one in inside if one.node is not None), default=time_s)
        held, since_s, _ = self._counted.get(count.text, _State(False, first_s, first_s))
        now = count.holds(amount) and time_s - first_s >= SETTLED_S - _ROUNDING_S
        if now is not held:
            at = [change.time_s for change in changes if change.zone == count.zone]
            since_s = max(at, default=since_s)
        self._counted[count.text], self._amounts[count.text] = _State(now, since_s, until_s), amount

    def _of_track(self, rule: EventRule, one: Followed) -> _State:
        """Whether a rule holds for a track, without its `for`."""
        unless = rule.unless
        if isinstance(unless, Count):
            besides: _State | None = self._counted[unless.text]
        else:
            besides = None if unless is None else self._condition(unless, one)
        return _together(self._condition(rule.when, one), besides)

    def _for_any(self, condition: Condition, time_s: float, followed: Mapping[int, Followed]) -> _State:
        """Whether a condition holds for any track, or a count holds, at this moment."""
        if isinstance(condition, Count):
            return self._counted[condition.text]
        states = [self._condition(condition, one) for one in followed.values()]
        if holding := [state for state in states if state.holds]:
            return min(holding, key=lambda state: state.since_s)
        return _State(False, max((state.since_s for state in states), default=time_s), time_s)

    def _condition(self, condition: Condition, one: Followed) -> _State:
        """Whether a condition about a track holds, and since when it does or does not."""
        if not one.counts or one.node not in self._nodes[condition.node]:
            return _State(False, one.last_s, one.last_s)
        if isinstance(condition, On):
            return _settled(one.settled.get(condition.text, Settled()), one.last_s)
        if isinstance(condition, Stays):
            return self._stays(condition, one)
        if isinstance(condition, Still):
            still = _longer(one.still_s, condition.longer_s, one.last_s)
            alone = one.settled.get(condition.text)
            return still if alone is None else _both(still, _settled(alone, one.last_s))
        return _State(False, one.last_s, one.last_s)

    def _stays(self, condition: Stays, one: Followed) -> _State:
        member = one.zones.get(condition.zone)
        if member is None:
            return _State(False, one.born_s, one.last_s)
        if member.node is None or member.node not in self._nodes[condition.node]:
            return _State(False, member.told_s, one.last_s)
        return _longer(member.inside.since_s, condition.longer_s, member.inside.changing_s(one.last_s))

    # -- state ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Plain data; that of tracks is in their own state."""
        return {
            "first_s": self._first_s,
            "counted": {text: list(state) for text, state in self._counted.items()},
            "amounts": dict(self._amounts),
            "holding": {name: one.state() for name, one in self._holding.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._first_s = state["first_s"]
        self._counted = {text: _State(*one) for text, one in state["counted"].items()}
        self._amounts = dict(state["amounts"])
        self._holding = {name: Holding.restored(one) for name, one in state["holding"].items()}


def _zone(condition: Condition) -> str | None:
    return condition.zone if isinstance(condition, Count | Stays) else None


def _settled(one: Settled, now_s: float) -> _State:
    return _State(bool(one.value), one.since_s, one.changing_s(now_s))


def _longer(since_s: float, longer_s: float, now_s: float) -> _State:
    """Whether something that has held since a moment has held for longer than a time."""
    return _State(True, since_s + longer_s, now_s) if now_s - since_s > longer_s else _State(False, since_s, now_s)


def _both(one: _State, other: _State) -> _State:
    """Whether two things hold."""
    failing = [state for state in (one, other) if not state.holds]
    since_s = min(state.since_s for state in failing) if failing else max(one.since_s, other.since_s)
    return _State(not failing, since_s, min(one.until_s, other.until_s))


def _together(when: _State, unless: _State | None) -> _State:
    """Whether one thing holds and the other does not."""
    return when if unless is None else _both(when, unless._replace(holds=not unless.holds))
