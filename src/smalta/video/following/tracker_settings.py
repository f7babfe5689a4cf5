"""When a tracker believes that two detections are one object.

In:  numbers.
Out: `TrackerSettings`.

Pure Python. Must not know: masks, how objects are followed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from smalta.answers.decoding import USUAL as USUAL_DECODING
from smalta.answers.decoding import Decoding
from smalta.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """Only this class states its defaults. A size is the square root of an object's height times its width.

    Costs are negative logarithms of probabilities. A detection continues a track if that costs less than a missed
    track and a new one.

    Attributes:
        sure_s: seconds between the first and the last detection before a track counts.
        sure_detections: detections before a track counts.
        sure_share: of the key frames, in which a track is detected before it counts.
        unsure_s: seconds that a track which does not count is kept without a detection.
        lost_s: seconds without a detection after which it needs more evidence that an object is back.
        hidden_s: seconds that a track which counts is kept without a detection, and at least two key frames.
        leaving_s: the same for a track that was last seen at the picture's edge.
        followed_s: seconds that flow alone follows an object that is not hidden.
        repaired_s: seconds for which objects that are split or merged are repaired.
        speed: standard deviation of an object's speed, sizes a second.
        persistence_s: seconds within which a speed decays to 1/e.
        place_error: standard deviation of a border of a detection, sizes.
        hidden_error: the same where the border has to be guessed from the object's size.
        flow_error: standard deviation of the motion by flow, as a share of it.
        height_error: standard deviation of the logarithm of the height.
        width_error: standard deviation of the logarithm of the width; it changes as people walk and turn.
        overlap_cost: of a pair without overlap, if the object was seen in the step before.
        class_cost: weight of the disagreement on the class.
        unsure_cost: of continuing a track that does not count yet.
        return_cost: of continuing a track that was not detected for `lost_s`; a track that has become sure may
            continue it without that cost.
        vanished_cost: of continuing a track, for each second since the object vanished where no other one hid it;
            whoever comes out of a door is mostly not the one who went in.
        open_cost: of missing an object that nothing hides.
        hidden_cost: of missing an object that is hidden.
        new_cost: of a new object inside the picture.
        edge_cost: of a new object at the picture's edge.
        decoding: how the votes of a track become a node of the class tree.

    Raises:
        ConfigError: if a time, an error or a speed is not above 0.
    """

    sure_s: float = 0.15
    sure_detections: int = 2
    sure_share: float = 0.6
    unsure_s: float = 0.6
    lost_s: float = 0.3
    hidden_s: float = 3.0
    leaving_s: float = 0.6
    followed_s: float = 0.5
    repaired_s: float = 0.5
    speed: float = 1.0
    persistence_s: float = 3.0
    place_error: float = 0.08
    hidden_error: float = 0.2
    flow_error: float = 0.15
    height_error: float = 0.2
    width_error: float = 0.5
    overlap_cost: float = 2.0
    class_cost: float = 1.0
    unsure_cost: float = 1.0
    return_cost: float = 2.0
    vanished_cost: float = 1.0
    open_cost: float = 2.0
    hidden_cost: float = 0.5
    new_cost: float = 5.0
    edge_cost: float = 2.5
    decoding: Decoding = USUAL_DECODING

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name.endswith(("_s", "_error", "speed", "_detections")) and not value > 0:
                raise ConfigError(f"{one.name} of the tracker must be above 0, got {value}")


USUAL = TrackerSettings()
