"""Seconds that rise from frame to frame, made of the time stamps of a stream.

In:  the stamp of each decoded frame, which may be missing, repeated, run backwards, wrap or jump.
Out: the frame's time, or None for a frame that is not used.

Pure arithmetic. Must not know: files, decoders, clocks, threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MPEG_WRAP_S = 2**33 / 90_000  # 33-bit counters of MPEG streams start again at zero after 26.5 hours
RESTART_S = 1.0  # a stamp that falls by more than this is a stream that starts again, not a frame out of order
MOST_REFUSED = 10  # so many stamps in a row that do not rise are useless
USUAL_STEP_S = 0.04  # between frames, if nothing says otherwise
LONGEST_STEP_S = 1.0  # a longer step is a gap, and says nothing about the frame rate


@dataclass(slots=True, kw_only=True)
class StampFaults:
    """How often stamps were unusable.

    Attributes:
        missing: frames without a usable stamp; they get a time from the usual step.
        refused: frames that are not used, because their stamp repeats an earlier one or lies shortly before it.
        restarts: times at which stamps started again from an earlier value.
        wraps: times at which a counter of 33 bits started again at zero.
        jumps: times at which the stamps did not fit the clock of this computer.
        longest_gap_s: longest time between two frames, seconds.
        gap_at_s: time of the frame before that gap, seconds.
    """

    missing: int = 0
    refused: int = 0
    restarts: int = 0
    wraps: int = 0
    jumps: int = 0
    longest_gap_s: float = 0.0
    gap_at_s: float = 0.0


class Stamps:
    """Makes times that strictly rise; a stamp that can be believed is used as it is.

    - A missing stamp: time goes on with the usual step between frames.
    - A stamp that repeats an earlier one, or lies shortly before it: the frame is not used. After `MOST_REFUSED` such
      frames in a row the stamps are useless. Then frames are used, and time goes on with the usual step.
    - A stamp that falls by more than `RESTART_S`: the stream starts again, and time goes on with the usual step.
    - A 33-bit counter that starts again at zero goes on as if it had more bits.
    - A jump forwards is a gap without frames. Where the caller knows how much time passed between two frames, a stamp
      that differs from it by more than `clock_s` is a fault of the stream, and the caller's time is used.

    Args:
        step_s: seconds between frames as the stream declares them; None if it does not.
        wrap_s: seconds after which the counter starts again at zero; None if it does not.
        start_s: the time of the first frame; None: its own stamp, or 0 if that is missing or negative.
        clock_s: the largest difference between a stamp and the caller's `elapsed_s`, seconds.

    Example:
        >>> stamps = Stamps(step_s=0.04)
        >>> [stamps.time_of(stamp) for stamp in (5.0, 5.04, 5.04, None, 7.0)]
        [5.0, 5.04, None, 5.08, 7.0]
    """

    def __init__(
        self,
        *,
        step_s: float | None = None,
        wrap_s: float | None = None,
        start_s: float | None = None,
        clock_s: float = math.inf,
    ) -> None:
        self.faults = StampFaults()
        self._last_s: float | None = None
        self._stamp_s = 0.0  # of the frame before, used or not
        self._declared_step_s = step_s
        self._seen_step_s: float | None = None
        self._wrap_s = wrap_s
        self._start_s = start_s
        self._clock_s = clock_s
        self._offset_s = 0.0  # from stamps to times
        self._refused = 0  # in a row; `MOST_REFUSED` or more: stamps are useless
        self._resumed_s: float | None = None

    @property
    def last_s(self) -> float:
        """Time of the last used frame, seconds; 0 before the first."""
        return 0.0 if self._last_s is None else self._last_s

    def resume(self, gap_s: float) -> None:
        """The stream stopped and comes back: the next frame's time is `gap_s` after the last, whatever its stamp.

        Args:
            gap_s: seconds, more than 0.
        """
        self._resumed_s = gap_s

    def time_of(self, stamp_s: float | None, *, elapsed_s: float | None = None) -> float | None:
        """The time of the next frame.

        Args:
            stamp_s: its own time stamp, seconds; None if it has none.
            elapsed_s: how long after the last used frame it arrived by the caller's clock, seconds; None for a file.

        Returns:
            Seconds, more than the time before; None if the frame is not used.
        """
        if stamp_s is None or not math.isfinite(stamp_s):
            stamp_s = None
            self.faults.missing += 1
        if self._last_s is None:
            return self._first(stamp_s)
        before_s, self._stamp_s = self._stamp_s, self._stamp_s if stamp_s is None else stamp_s
        if self._resumed_s is not None:
            gap_s, self._resumed_s = self._resumed_s, None
            return self._anchored(self._last_s + gap_s, stamp_s)
        later_s = self._last_s + (self._step_s if elapsed_s is None else elapsed_s)
        if stamp_s is None:
            return self._used(later_s)
        time_s = self._unwrapped(stamp_s, self._last_s)
        if time_s <= self._last_s:
            return self._not_later(stamp_s, before_s, later_s)
        if elapsed_s is not None and abs(time_s - later_s) > self._clock_s:
            self.faults.jumps += 1
            return self._anchored(later_s, stamp_s)
        if time_s - self._last_s <= LONGEST_STEP_S:
            self._seen_step_s = time_s - self._last_s
        self._refused = self._refused - 1 if self._refused >= MOST_REFUSED else 0
        return self._used(time_s)

    @property
    def _step_s(self) -> float:
        """Seconds between frames: as declared, else as last seen."""
        return self._declared_step_s or self._seen_step_s or USUAL_STEP_S

    def _first(self, stamp_s: float | None) -> float:
        self._stamp_s = stamp_s or 0.0
        self._last_s = max(self._stamp_s, 0.0) if self._start_s is None else self._start_s
        self._offset_s = self._last_s - self._stamp_s
        return self._last_s

    def _unwrapped(self, stamp_s: float, last_s: float) -> float:
        """The stamp as a time, also if a counter started again at zero since the last."""
        time_s = stamp_s + self._offset_s
        if self._wrap_s is not None and last_s - time_s > self._wrap_s / 2:
            self.faults.wraps += 1
            self._offset_s += self._wrap_s
            time_s += self._wrap_s
        return time_s

    def _not_later(self, stamp_s: float, before_s: float, later_s: float) -> float | None:
        """A stamp that is not later than the last time: a frame that is not used, or a new start of the stream."""
        if before_s - stamp_s > RESTART_S:
            self.faults.restarts += 1
            return self._anchored(later_s, stamp_s)
        self._refused = min(self._refused + 1, 2 * MOST_REFUSED)
        if self._refused < MOST_REFUSED:
            self.faults.refused += 1
            return None
        self.faults.missing += 1
        if stamp_s > before_s and later_s - (stamp_s + self._offset_s) > RESTART_S:  # stamps rise again, from below
            return self._anchored(later_s, stamp_s)
        return self._used(later_s)

    def _anchored(self, time_s: float, stamp_s: float | None) -> float:
        """This frame has that time, and later stamps are counted from it."""
        if stamp_s is not None:
            self._offset_s = time_s - stamp_s
        self._refused = 0
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
