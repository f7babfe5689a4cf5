"""Seconds that rise from frame to frame, made of the time stamps of a stream.

In:  the stamp of each decoded frame, which may be missing, repeated, damaged, run backwards, wrap or jump.
Out: the frame's time, or None for a frame that is not used.

Pure arithmetic. Must not know: files, decoders, clocks, threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MPEG_WRAP_S = 2**33 / 90_000  # 33-bit counters of MPEG streams start again at zero after 26.5 hours
RESTART_S = 1.0  # a stamp that falls by more than this is a stream that starts again, not a frame out of order
MOST_REFUSED = 10  # stamps in a row that do not rise are useless
USUAL_STEP_S = 0.04  # between frames, if nothing says otherwise
LEARNING_S = 10.0  # of a live stream, until it is known how far its stamps run ahead of the clock


@dataclass(slots=True, kw_only=True)
class StampFaults:
    """How often stamps were unusable.

    Attributes:
        missing: frames without a usable stamp; their time follows from the frame before.
        refused: frames that are not used, because their stamp repeats an earlier one or lies shortly before it.
        restarts: times at which stamps went on from another value.
        longest_gap_s: longest time between two frames, seconds.
        gap_at_s: time of the frame before that gap, seconds.
    """

    missing: int = 0
    refused: int = 0
    restarts: int = 0
    longest_gap_s: float = 0.0
    gap_at_s: float = 0.0


class _Line:
    """What times of files and of live streams have in common: they strictly rise."""

    def __init__(self, *, wrap_s: float | None) -> None:
        self.faults = StampFaults()
        self._last_s: float | None = None
        self._wrap_s = wrap_s
        self._offset_s = 0.0  # from stamps to times
        self._refused = 0  # in a row; `MOST_REFUSED` or more: stamps are useless

    @property
    def last_s(self) -> float:
        """Time of the last used frame, seconds; 0 before the first."""
        return 0.0 if self._last_s is None else self._last_s

    def _first(self, stamp_s: float | None) -> float:
        own_s = stamp_s or 0.0
        self._last_s = max(own_s, 0.0)
        self._offset_s = self._last_s - own_s
        return self._last_s

    def _unwrapped(self, stamp_s: float) -> float:
        """The stamp as a time, also if its counter started again at zero since the last."""
        time_s = stamp_s + self._offset_s
        if self._wrap_s is not None and self.last_s - time_s > self._wrap_s / 2:
            time_s += self._wrap_s
        return time_s

    def _refuse(self) -> bool:
        """Whether a stamp that is not later than the last time costs its frame."""
        self._refused = min(self._refused + 1, 2 * MOST_REFUSED)
        refuse = self._refused < MOST_REFUSED
        self.faults.refused += refuse
        self.faults.missing += not refuse
        return refuse

    def _anchored(self, time_s: float, stamp_s: float | None) -> float:
        """This frame has that time, and later stamps are counted from it."""
        if stamp_s is not None:
            self._offset_s = time_s - stamp_s
        self._refused = 0
        return self._used(time_s)

    def _believed(self, time_s: float, stamp_s: float) -> float:
        """This frame has the time of its stamp."""
        self._refused = self._refused - 1 if self._refused >= MOST_REFUSED else 0
        if self._wrap_s is not None and time_s - stamp_s - self._offset_s > self._wrap_s / 2:
            self._offset_s += self._wrap_s
        return self._used(time_s)

    def _used(self, time_s: float) -> float:
        """A frame that is used."""
        last_s = self.last_s
        if time_s <= last_s:  # the step is too small for numbers of this size
            time_s = math.nextafter(last_s, math.inf)
        if time_s - last_s > self.faults.longest_gap_s:
            self.faults.longest_gap_s, self.faults.gap_at_s = time_s - last_s, last_s
        self._last_s = time_s
        return time_s


class Stamps(_Line):
    """Times of a video with an end; a stamp that can be believed is used as it is.

    - A missing stamp: time goes on with the usual step between frames.
    - A single stamp more than `RESTART_S` away from its neighbours, which fit together, counts as missing.
    - A stamp that repeats an earlier one, or lies shortly before it: the frame is not used. After `MOST_REFUSED` such
      frames in a row the stamps are useless. Then frames are used, and time goes on with the usual step.
    - A stamp that falls by more than `RESTART_S`: the stream starts again, and time goes on with the usual step.
    - A 33-bit counter that starts again at zero goes on as if it had more bits.
    - A jump forwards is a gap without frames.

    Args:
        step_s: seconds between frames as the stream declares them; None if it does not.
        wrap_s: seconds after which the counter starts again at zero; None if it does not.

    Example:
        >>> stamps = Stamps(step_s=0.04)
        >>> [stamps.time_of(stamp) for stamp in (5.0, 5.04, 5.04, None, 7.0)]
        [5.0, 5.04, None, 5.08, 7.0]
    """

    def __init__(self, *, step_s: float | None = None, wrap_s: float | None = None) -> None:
        super().__init__(wrap_s=wrap_s)
        self._declared_step_s = step_s
        self._seen_step_s: float | None = None
        self._stamp_s = 0.0  # of the frame before, used or not

    def time_of(self, stamp_s: float | None, *, following_s: float | None = None) -> float | None:
        """The time of the next frame.

        Args:
            stamp_s: its own time stamp, seconds; None if it has none. Where there is no first stamp, or a negative
                one, time begins at 0.
            following_s: the stamp of the frame after it; None if it has none, or there is no such frame.

        Returns:
            Seconds, more than the time before; None if the frame is not used.
        """
        stamp_s = _finite(stamp_s)
        if self._last_s is not None and stamp_s is not None and self._is_stray(stamp_s, _finite(following_s)):
            stamp_s = None
        self.faults.missing += stamp_s is None
        before_s, self._stamp_s = self._stamp_s, self._stamp_s if stamp_s is None else stamp_s
        if self._last_s is None:
            return self._first(stamp_s)
        later_s = self._last_s + (self._declared_step_s or self._seen_step_s or USUAL_STEP_S)
        if stamp_s is None:
            return self._used(later_s)
        time_s = self._unwrapped(stamp_s)
        if time_s <= self._last_s:
            return self._not_later(stamp_s, before_s, later_s)
        if time_s - self._last_s <= RESTART_S:  # a longer step is a gap, and says nothing about the frame rate
            self._seen_step_s = time_s - self._last_s
        return self._believed(time_s, stamp_s)

    def _is_stray(self, stamp_s: float, following_s: float | None) -> bool:
        """Whether the frames before and after fit together, and this stamp does not."""
        if following_s is None or abs(self._unwrapped(stamp_s) - self.last_s) <= RESTART_S:
            return False
        return 0 < self._unwrapped(following_s) - self.last_s <= RESTART_S

    def _not_later(self, stamp_s: float, before_s: float, later_s: float) -> float | None:
        """A stamp that is not later than the last time: a frame that is not used, or a new start of the stream."""
        if before_s - stamp_s > RESTART_S:
            self.faults.restarts += 1
            return self._anchored(later_s, stamp_s)
        if self._refuse():
            return None
        if stamp_s > before_s and later_s - (stamp_s + self._offset_s) > RESTART_S:  # stamps rise again, from below
            return self._anchored(later_s, stamp_s)
        return self._used(later_s)


class LiveStamps(_Line):
    """Times of a live stream, whose frames also have a time of arrival.

    - A missing stamp: time goes on by the time of arrival.
    - A stamp that falls, or runs ahead of the clock by `RESTART_S` more than any before, is believed only if the next
      one goes on from it. Until then, and at that moment, time goes on by the time of arrival. While a connection is
      younger than `LEARNING_S`, stamps may run ahead by `clock_s`, because servers send what they have stored first.
    - A stamp that repeats an earlier one, or lies shortly before it: as for `Stamps`.
    - A 33-bit counter that starts again at zero goes on as if it had more bits.

    Args:
        wrap_s: seconds after which the counter starts again at zero; None if it does not.
        clock_s: how far a young connection may run ahead of the clock, seconds.
    """

    def __init__(self, *, wrap_s: float | None = None, clock_s: float = LEARNING_S) -> None:
        super().__init__(wrap_s=wrap_s)
        self._clock_s = clock_s
        self._resumed = True
        self._age_s = 0.0  # since the first frame of the connection, by the clock
        self._lead_s = 0.0  # of the last time, before the clock, since then
        self._most_lead_s = 0.0
        self._suspect_s: float | None = None  # a stamp that waits for the next one to confirm it

    def resume(self) -> None:
        """The stream stopped and comes back: the next frame's time follows from its arrival, whatever its stamp."""
        self._resumed = True

    def time_of(self, stamp_s: float | None, *, elapsed_s: float) -> float | None:
        """The time of the next frame.

        Args:
            stamp_s: its own time stamp, seconds; None if it has none.
            elapsed_s: how long after the last used frame it arrived, seconds.

        Returns:
            Seconds, more than the time before; None if the frame is not used.
        """
        stamp_s = _finite(stamp_s)
        self.faults.missing += stamp_s is None
        if self._last_s is None:
            self._resumed = False
            return self._first(stamp_s)
        later_s = self._last_s + elapsed_s
        if self._resumed:
            self._resumed = False
            self._age_s = self._lead_s = self._most_lead_s = 0.0
            self._suspect_s = None
            return self._anchored(later_s, stamp_s)
        self._age_s += elapsed_s
        if stamp_s is None:
            return self._used(later_s)
        time_s = self._unwrapped(stamp_s)
        lead_s = self._lead_s + time_s - later_s
        limit_s = self._clock_s if self._age_s < LEARNING_S else self._most_lead_s + RESTART_S
        if lead_s > limit_s or self._last_s - time_s > RESTART_S:
            return self._suspected(stamp_s, later_s, elapsed_s)
        self._suspect_s = None
        if time_s <= self._last_s:
            if self._refuse():
                self._age_s -= elapsed_s  # the caller counts from the last used frame
                return None
            return self._used(later_s)
        self._lead_s, self._most_lead_s = lead_s, max(lead_s, self._most_lead_s)
        return self._believed(time_s, stamp_s)

    def _suspected(self, stamp_s: float, later_s: float, elapsed_s: float) -> float:
        """A stamp that does not fit the clock: believed from here on if it goes on from a suspect."""
        suspect_s, self._suspect_s = self._suspect_s, stamp_s
        if suspect_s is None or not 0 < stamp_s - suspect_s <= elapsed_s + RESTART_S:
            self.faults.missing += 1
            return self._used(later_s)
        self.faults.restarts += 1
        self._suspect_s = None
        return self._anchored(later_s, stamp_s)


def _finite(stamp_s: float | None) -> float | None:
    """A stamp that is a number, else None."""
    return stamp_s if stamp_s is not None and math.isfinite(stamp_s) else None
