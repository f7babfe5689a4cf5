"""Who enters and leaves zones.

In:  the tracks of each frame.
Out: `ZoneChange`s; memberships in `Followed.zones`.

A track is inside once its place has been inside for `SETTLED_S`, and counts from the moment at which that began. It has
left once its place has been outside for as long, and its smoothed place is beyond a band around the zone: 6 px or 15 %
of the object's height, whichever is more; for zones of a share, once the share is below three quarters of it. First
seen inside, it is "present" and did not enter. A track that does not count yet, or is of another class, is followed all
the same; when it counts, the log hears of it with the time at which it came.

Must not know: rules, lines, the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from smalta.classes import ClassTree
from smalta.video.crossing import band
from smalta.video.noticing.followed import Followed, Membership
from smalta.video.noticing.moment import Moment, with_below
from smalta.video.rules import Zone
from smalta.video.values import Track
from smalta.video.zones import centre_yx, cover, inside, share_inside

JUST_BEGUN_S = 1.0  # seconds after the watch began; whoever is first seen in them was there before
STILL_INSIDE = 0.75  # of a zone's share; a track that is inside leaves below it


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneChange:
    """A track came, left, or is now of another class.

    Attributes:
        kind: as of an event.
        zone: its name.
        followed: the track.
        node: id of its class, for "leave" the one with which it came.
        time_s: when it happened, seconds of the stream.
        sure: whether it was seen.
    """

    kind: Literal["enter", "present", "leave", "renamed"]
    zone: str
    followed: Followed
    node: int
    time_s: float
    sure: bool


class _Placed:
    """A zone on the cells of the picture.

    Args:
        zone: fitted to the picture.
        tree: the classes.
        cells_hw: rows and columns of cells.
        cell: side of a cell, pixels.
    """

    def __init__(self, zone: Zone, tree: ClassTree, cells_hw: tuple[int, int], cell: int) -> None:
        self.zone, self.name = zone, zone.name
        self.nodes = with_below(tree, zone.of)
        self._covered = None
        if zone.polygon is not None and zone.point == "overlap":
            self._covered = cover(zone.polygon, cells_hw, cell)
            rows, columns = np.flatnonzero(self._covered.any(axis=1)), np.flatnonzero(self._covered.any(axis=0))
            found = len(rows) > 0
            self._rows = (int(rows[0]), int(rows[-1]) + 1) if found else (0, 0)
            self._columns = (int(columns[0]), int(columns[-1]) + 1) if found else (0, 0)

    def holds(self, moment: Moment) -> list[tuple[bool | None, bool]]:
        """For each track that is seen: whether it is inside by its place, and whether that is clear.

        The first is None where it is not known.
        """
        zone, tracks = self.zone, [track for _, track in moment.seen]
        if zone.polygon is None:
            return [(None if zone.stuff is None else moment.on(track, zone.stuff), True) for track in tracks]
        if self._covered is not None:
            shares = [self._share(track, self._covered) for track in tracks]
            return [(share >= zone.share, not STILL_INSIDE * zone.share <= share < zone.share) for share in shares]
        places, smooth = [], []
        for followed, track in moment.seen:
            places.append(track.foot_yx if zone.point == "foot" else centre_yx(track.mask))
            (y, x), (foot_y, foot_x) = places[-1], track.foot_yx
            smooth.append((followed.foot_yx[0] + y - foot_y, followed.foot_yx[1] + x - foot_x))
        is_in, deep = (inside(zone.polygon, np.array(points).reshape(-1, 2)).tolist() for points in (places, smooth))
        far = _distances(zone.polygon, np.array(smooth).reshape(-1, 2)).tolist()
        return [
            (now, now or (not still and away > band(track.mask.height)))
            for now, still, away, track in zip(is_in, deep, far, tracks, strict=True)
        ]

    def _share(self, track: Track, covered: np.ndarray) -> float:
        (top, left), (height, width) = track.mask.top_left, track.mask.cells.shape
        apart = top >= self._rows[1] or top + height <= self._rows[0]
        if apart or left >= self._columns[1] or left + width <= self._columns[0]:
            return 0.0
        return share_inside(track.mask, covered)


def _distances(polygon: np.ndarray, points_yx: np.ndarray) -> np.ndarray:
    """(N,) pixels from points (N, 2) to the nearest edge of a polygon (k, 2) in order (x, y)."""
    points = points_yx[:, None, ::-1]
    start, along = polygon[None], np.roll(polygon, -1, axis=0) - polygon
    length2 = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip(((points - start) * along).sum(axis=2) / length2, 0, 1)
    return np.asarray(np.sqrt(((points - start - share[..., None] * along) ** 2).sum(axis=2)).min(axis=1))


class ZoneWatch:
    """Watches all zones.

    Args:
        zones: fitted to the picture.
        tree: the classes.
        cells_hw: rows and columns of cells of the picture.
        cell: side of a cell, pixels.
    """

    def __init__(self, zones: Sequence[Zone], tree: ClassTree, *, cells_hw: tuple[int, int], cell: int) -> None:
        self._zones = [_Placed(zone, tree, cells_hw, cell) for zone in zones]

    def step(self, moment: Moment, began_s: float) -> list[ZoneChange]:
        """Take a frame.

        Args:
            moment: of the frame.
            began_s: when the watch began, or could see again.

        Returns:
            Changes by zone, then by number of the track.
        """
        changes = []
        for zone in self._zones:
            for (followed, _), (now, clear) in zip(moment.seen, zone.holds(moment), strict=True):
                member = followed.zones.setdefault(zone.name, Membership())
                if now is not None:
                    member.inside.see(moment.time_s, now, enough=clear)
                    member.present &= now
                if (change := _change(zone, followed, member, moment.time_s, began_s)) is not None:
                    changes.append(change)
        return changes

    def end(self, followed: Followed) -> list[ZoneChange]:
        """A track is given up: it leaves all zones. If it was outside when it was last seen, that is sure."""
        changes = []
        for zone in self._zones:
            member = followed.zones.get(zone.name)
            if member is not None and member.node is not None:
                was_out = member.inside.latest is False
                at = max(member.inside.latest_s if was_out else followed.last_s, member.told_s)
                changes.append(_leave(zone, followed, member, at, sure=was_out))
        return changes


def _change(zone: _Placed, followed: Followed, member: Membership, time_s: float, began_s: float) -> ZoneChange | None:
    """The event of a membership in this frame; None without one."""
    is_in, is_counted = bool(member.inside.value), followed.counts and followed.node in zone.nodes
    member.withdrawn &= is_in
    if member.node is None:
        if not (is_in and is_counted):
            return None
        was_there = member.present or member.withdrawn
        at = time_s if member.withdrawn else max(member.inside.since_s, member.told_s)
        sure = not was_there or (not member.withdrawn and at <= began_s + JUST_BEGUN_S)
        member.node, member.told_s = followed.node, at
        return ZoneChange(
            kind="present" if was_there else "enter",
            zone=zone.name,
            followed=followed,
            node=followed.node,
            time_s=at,
            sure=sure,
        )
    if not is_in:
        return _leave(zone, followed, member, max(member.inside.since_s, member.told_s), sure=True)
    if not is_counted:
        member.withdrawn = True
        return _leave(zone, followed, member, time_s, sure=False)
    if member.node != followed.node:
        member.node, member.told_s = followed.node, time_s
        return ZoneChange(
            kind="renamed", zone=zone.name, followed=followed, node=followed.node, time_s=time_s, sure=True
        )
    return None


def _leave(zone: _Placed, followed: Followed, member: Membership, at: float, *, sure: bool) -> ZoneChange:
    node = member.node or 0
    member.node, member.told_s = None, at
    return ZoneChange(kind="leave", zone=zone.name, followed=followed, node=node, time_s=at, sure=sure)
