"""How well tracks follow objects: CLEAR, IDF1 and HOTA of clips.

In:  tracked frames of a clip, in order: `TrackedFrame.of_boxes`, `TrackedFrame.of_maps`, or any similarity.
Out: `TrackingSums`, which add up over clips, and `TrackingScores`.

numpy and SciPy. Must not know: class trees, files, how objects were followed.

The scores equal those of TrackEval, the code of the MOT challenge. One difference: a score without anything to be
computed from is nan here, such as MOTA without true objects; TrackEval says 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smalta.metrics.clear_mot import Clear, ClearSums
from smalta.metrics.hota import Hota, HotaSums
from smalta.metrics.identity import Identity, IdentitySums
from smalta.metrics.sums import added
from smalta.metrics.tracked_frame import TrackedFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingScores:
    """The scores of one or several clips. Shares lie in 0..1, larger is better; MOTA and sMOTA may be below 0.

    Attributes:
        mota: 1 - (misses + false alarms + switches) / true objects.
        motp: mean similarity of the pairs.
        smota: MOTA in which each pair counts as much as it overlaps.
        recall: share of the true objects that have a partner.
        precision: share of the predicted objects that have a partner.
        misses: FN, summed over the frames.
        false_alarms: FP, summed over the frames.
        switches: changes of the predicted id of a true track.
        fragmentations: how often a true track is found again after a frame in which it was not.
        tracks: true tracks.
        mostly_tracked: true tracks that are found in more than 80 % of their frames.
        mostly_lost: true tracks that are found in less than 20 % of their frames.
        idf1: share of the objects of both sides that have the right id.
        idp: share of the predicted objects that have the right id.
        idr: share of the true objects that have the right id.
        hota: mean over 19 thresholds of sqrt(DetA AssA).
        det_a: how well objects are found.
        ass_a: how well ids are kept.
        loc_a: how well found objects overlap.
    """

    mota: float
    motp: float
    smota: float
    recall: float
    precision: float
    misses: int
    false_alarms: int
    switches: int
    fragmentations: int
    tracks: int
    mostly_tracked: int
    mostly_lost: int
    idf1: float
    idp: float
    idr: float
    hota: float
    det_a: float
    ass_a: float
    loc_a: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackingSums:
    """The sums of all three measures; add those of several clips with `+`."""

    clear: ClearSums
    identity: IdentitySums
    hota: HotaSums

    def __add__(self, other: TrackingSums) -> TrackingSums:
        return added(self, other)

    def scores(self) -> TrackingScores:
        """The scores of these sums."""
        clear, identity, hota = self.clear, self.identity, self.hota
        return TrackingScores(
            mota=clear.mota,
            motp=clear.motp,
            smota=clear.smota,
            recall=clear.recall,
            precision=clear.precision,
            misses=clear.misses,
            false_alarms=clear.false_alarms,
            switches=clear.switches,
            fragmentations=clear.fragmentations,
            tracks=clear.tracks,
            mostly_tracked=clear.mostly_tracked,
            mostly_lost=clear.mostly_lost,
            idf1=identity.idf1,
            idp=identity.idp,
            idr=identity.idr,
            hota=float(hota.hota().mean()),
            det_a=float(hota.det_a().mean()),
            ass_a=float(hota.ass_a().mean()),
            loc_a=float(hota.loc_a().mean()),
        )


class Tracking:
    """Adds up the frames of one clip, in order.

    Example:
        >>> clip = Tracking()
        >>> for true, found in (([[0, 5]], [[0, 8]]), ([[5, 0]], [[9, 0]])):
        ...     clip.add(TrackedFrame.of_maps(np.array(true), np.array(found)))
        >>> scores = clip.sums().scores()
        >>> scores.switches, scores.mota, scores.idf1
        (1, 0.5, 0.5)
    """

    def __init__(self) -> None:
        self._clear, self._identity, self._hota = Clear(), Identity(), Hota()

    def add(self, frame: TrackedFrame) -> None:
        """Add the next frame; also frames without any object, which count as frames."""
        self._clear.add(frame)
        self._identity.add(frame)
        self._hota.add(frame)

    def sums(self) -> TrackingSums:
        """The sums of the frames so far."""
        return TrackingSums(clear=self._clear.sums(), identity=self._identity.sums(), hota=self._hota.sums())


def score_clip(frames: Iterable[TrackedFrame]) -> TrackingScores:
    """The scores of one clip."""
    clip = Tracking()
    for frame in frames:
        clip.add(frame)
    return clip.sums().scores()
