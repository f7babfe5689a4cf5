"""The pace of a camera: which frames the network sees, what of them, and at what size.

In:  size and rate of the frames, the region that the rules need, seconds of the network.
Out: `Pace`: decisions, each with a reason in a sentence, and predicted milliseconds by part.

    every frame:   reading - still? - flow, tracks carried along - rules, log
    a key frame:   reading - still? - flow - network, objects - tracks - rules, log

1. The network sees `WANTED` key frames a second, and one in `STILL_S` while nothing moves in the region.
2. Of a file it always sees these. So the same file, model and rules give the same log on every machine.
3. Of a live source it sees fewer if it would take more than `ROOM` of the time. If these are fewer than `LEAST_LIVE`,
   the picture is reduced further, and then they are fewer.

Must not know: how seconds of a network are predicted or measured, how frames are read, what the rules ask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from smalta.errors import ConfigError
from smalta.planning.words import duration
from smalta.video.crop import Crop
from smalta.video.flow import flow_size

WANTED = 5.0  # key frames a second
LEAST_LIVE = 4.0  # key frames a second, below which a live picture is reduced further
STILL_S = 2.0  # seconds between two key frames while nothing moves
ROOM = 0.85  # of the time that may be planned
LEAST_ROOM = 0.1  # of the time that the network gets, however much the frames need
USUAL_FPS = 25.0  # of a source that does not state it
MOST_FPS = 120.0  # some files state the ticks of their clock instead
MORE_REDUCED = 2  # times as far as planned, at most
MOST_PIXELS = 1280 * 720  # of a shown picture, for a model that does not state the size of its training pictures

# processor time on one core of an AMD EPYC, as `python -m bench.video_speed` measures it
READING_MS = 8.0  # per million pixels of a frame: decoding, colours
MOTION_MS = 1.5  # per million pixels of the region
FLOW_MS = 55.0  # per million pixels of the pictures whose flow is computed
TRACKING_MS, RULES_MS = 1.5, 0.5  # per frame, with a dozen objects
OBJECTS_MS = 450.0  # per million cells: from maps to objects and ground

PARTS = ("reading", "motion", "flow", "tracking", "rules")  # of every frame


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What a pace depends on of a video.

    Attributes:
        size_hw: of its frames, pixels.
        fps: frames a second; None if unknown.
        live: whether frames are lost if nobody takes them in time.
    """

    size_hw: tuple[int, int]
    fps: float | None
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision: its name, its value, and a sentence that says why."""

    name: str
    value: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the frames of a video are seen.

    Attributes:
        live: as in `VideoFacts`.
        fps: frames a second; the usual number if it is unknown.
        key_every_s: seconds of the stream between two key frames.
        crop: what of a frame the network is shown, and how far it is reduced.
        cell: side of a cell, pixels of the frame.
        still_s: seconds between two key frames while nothing moves in the region.
        flow_hw: of the pictures whose flow is computed, pixels.
        milliseconds: predicted: "reading", "motion", "flow", "tracking" and "rules" of every frame, and "network" and
            "objects" of a key frame.
        cores: that the network may use.
        decided: the decisions in words.
    """

    live: bool
    fps: float
    key_every_s: float
    crop: Crop
    cell: int
    still_s: float
    flow_hw: tuple[int, int]
    milliseconds: Mapping[str, float] = field(compare=False)
    cores: int = field(compare=False)
    decided: tuple[Decided, ...] = field(compare=False)

    @property
    def key_every(self) -> int:
        """Frames from one key frame to the next, if all arrive."""
        return max(1, round(self.key_every_s * self.fps))

    @property
    def region_xyxy(self) -> tuple[int, int, int, int]:
        """The part of a frame that is seen, pixels."""
        return self.crop.region_xyxy

    @property
    def working_hw(self) -> tuple[int, int]:
        """Of the picture that the network is shown, pixels."""
        return self.crop.shown_hw

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of all decisions, as sentences."""
        return tuple(decision.why for decision in self.decided)

    @property
    def busy(self) -> float:
        """Predicted share of the time in which this machine works while things move; above 1 it cannot follow."""
        return _busy(self.milliseconds, self.fps, 1 / self.key_every_s, self.cores)

    def is_key(self, time_s: float, last_key_s: float | None, *, moves: bool) -> bool:
        """Whether the network sees a frame.

        Args:
            time_s: of the frame, seconds.
            last_key_s: of the last key frame; None if there was none.
            moves: whether anything moves in the region, by `smalta.video.motion.Motion`.
        """
        if last_key_s is None:
            return True
        every = self.key_every_s if moves else max(self.still_s, self.key_every_s)
        return time_s - last_key_s > every - 0.5 / self.fps  # time stamps are rounded

    def to_dict(self) -> dict[str, Any]:
        """The decisions as plain data; those of a file are the same on every machine."""
        return {
            "key_every_s": self.key_every_s,
            "region_xyxy": list(self.region_xyxy),
            "working_hw": list(self.working_hw),
            "cell": self.cell,
            "still_s": self.still_s,
        }


def pace(
    video: VideoFacts,
    *,
    stride: int,
    region_xyxy: tuple[float, float, float, float] | None = None,
    region_why: str = "",
    trained_hw: tuple[int, int] | None = None,
    network_s: Callable[[tuple[int, int]], float] | None = None,
    cores: int = 1,
    key_every: int | None = None,
) -> Pace:
    """Decide the pace of a video.

    Args:
        video: its size, rate and kind.
        stride: of the network's maps, pixels.
        region_xyxy: what the rules need, pixels; None for the whole picture.
        region_why: why, as a sentence.
        trained_hw: usual size of the pictures that the model learned from; None if unknown.
        network_s: predicted seconds of the network for a shown picture (height, width) on these cores. A live source
            needs it; for a file it is only shown.
        cores: that the network may use.
        key_every: frames from one key frame to the next, as the user wants it; None to decide.

    Raises:
        ConfigError: if a number is below 1.
    """
    for name, number in (("key_every", key_every), ("cores", cores)):
        if number is not None and number < 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least 1, got {number}")
    fps = min(video.fps or USUAL_FPS, MOST_FPS)
    reduced, why_reduced = _reduction(video.size_hw, trained_hw)

    def tried(factor: int) -> tuple[Crop, dict[str, float]]:
        cell = stride * factor
        if region_xyxy is None:
            crop = Crop.whole(video.size_hw, factor)
        else:
            crop = Crop.around(region_xyxy, size_hw=video.size_hw, cell=cell, factor=factor)
        return crop, _milliseconds(crop, cell, 0.0 if network_s is None else network_s(crop.shown_hw))

    factor = reduced
    crop, parts = tried(factor)
    while video.live and key_every is None and factor < MORE_REDUCED * reduced:
        if _affordable(parts, fps, cores) >= min(LEAST_LIVE, fps):
            break
        factor += 1
        crop, parts = tried(factor)
    if factor > reduced:
        why_reduced = (
            f"of frames {_reduced(reduced)} the network could see fewer than {LEAST_LIVE:g} a second here, so it is "
            f"shown frames {_reduced(factor)}"
        )
    every, why_every = _key_frames(video, fps, parts, cores, key_every)
    made = Pace(
        live=video.live,
        fps=fps,
        key_every_s=every / fps,
        crop=crop,
        cell=stride * factor,
        still_s=STILL_S if key_every is None else every / fps,
        flow_hw=flow_size(video.size_hw),
        milliseconds=parts,
        cores=cores,
        decided=(),
    )
    return _explained(made, region_why, why_reduced, why_every)


def _milliseconds(crop: Crop, cell: int, network_s: float) -> dict[str, float]:
    """Predicted milliseconds by part."""
    left, top, right, bottom = crop.region_xyxy
    frame, flow, region = (
        height * width / 1e6 for height, width in (crop.size_hw, flow_size(crop.size_hw), (bottom - top, right - left))
    )
    return {
        "reading": READING_MS * frame,
        "motion": MOTION_MS * region,
        "flow": FLOW_MS * flow,
        "tracking": TRACKING_MS,
        "rules": RULES_MS,
        "network": 1000 * network_s,
        "objects": OBJECTS_MS * region / cell**2,
    }


def _each_frame(parts: Mapping[str, float], cores: int) -> float:
    """Seconds of every frame; frames are read beside all else if there is a second core."""
    reading = parts["reading"] / (1 if cores == 1 else 2)
    return (reading + sum(parts[name] for name in PARTS[1:])) / 1000


def _busy(parts: Mapping[str, float], fps: float, keys: float, cores: int) -> float:
    return fps * _each_frame(parts, cores) + keys * (parts["network"] + parts["objects"]) / 1000


def _affordable(parts: Mapping[str, float], fps: float, cores: int) -> float:
    """Key frames a second for which there is time beside the work of every frame."""
    left = max(ROOM - fps * _each_frame(parts, cores), LEAST_ROOM)
    return left / max((parts["network"] + parts["objects"]) / 1000, 1e-6)


def _reduction(size_hw: tuple[int, int], trained_hw: tuple[int, int] | None) -> tuple[int, str]:
    """How far frames are reduced before the network sees them, and why."""
    height, width = size_hw
    frame = f"frames of {height} x {width} px"
    if trained_hw is None:
        factor = max(1, math.ceil(math.sqrt(height * width / MOST_PIXELS)))
        because = "the model does not state the size of the pictures that it learned from"
        if factor == 1:
            return 1, f"{because}, so {frame} are shown at their own size"
        return (
            factor,
            f"{because}, so {frame} are reduced {factor} times, to at most {MOST_PIXELS / 1e6:.1f} million px",
        )
    factor = max(1, round(math.sqrt(height * width / (trained_hw[0] * trained_hw[1]))))
    learned = f"the model learned from pictures of {trained_hw[0]} x {trained_hw[1]} px"
    if factor == 1:
        return 1, f"{learned}, so {frame} are shown at their own size"
    return factor, f"{learned}, so {frame} are reduced {factor} times: objects then have about the size that it knows"


def _key_frames(
    video: VideoFacts, fps: float, parts: Mapping[str, float], cores: int, key_every: int | None
) -> tuple[int, str]:
    """Frames from one key frame to the next, and why."""
    rate = f"{fps:.3g} frames a second" + ("" if video.fps else " (assumed, the source states none)")
    if key_every is not None:
        return key_every, f"--key-every {key_every} asks for it, which is {fps / key_every:.2g} key frames a second"
    wanted = max(1, int(fps / WANTED + 1e-6))
    usual = f"{_each(wanted)} of {rate} makes {fps / wanted:.2g} key frames a second"
    usual += f", and {WANTED:g} are enough where masks follow the motion between them" if wanted > 1 else ""
    if not video.live:
        return wanted, f"{usual}; a file waits, so measured speeds do not matter"
    each, key = 1000 * _each_frame(parts, cores), parts["network"] + parts["objects"]
    every = max(wanted, math.ceil(fps / _affordable(parts, fps, cores) - 1e-6))
    if every == wanted:
        return wanted, f"{usual}; there is time, because a key frame takes {key:.3g} ms and each frame {each:.3g} ms"
    return every, (
        f"each of {rate} takes {each:.3g} ms and a key frame {key:.3g} ms more, so there is time for "
        f"{fps / every:.2g} key frames a second instead of {fps / wanted:.2g}"
    )


def _explained(made: Pace, region_why: str, why_reduced: str, why_every: str) -> Pace:
    """The pace with its decisions in words."""
    height, width = made.working_hw
    left, top, right, bottom = made.region_xyxy
    between = made.key_every - 1
    decided = (
        Decided(
            name="key frames",
            value="every frame" if between == 0 else f"{_each(made.key_every)} frame",
            why=why_every,
        ),
        Decided(
            name="between",
            value="none" if between == 0 else f"{between} frame{'s' if between > 1 else ''}",
            why="the network sees every frame"
            if between == 0
            else f"masks are carried by the flow of pictures of {made.flow_hw[0]} x {made.flow_hw[1]} px",
        ),
        Decided(
            name="region",
            value="whole picture" if made.crop.is_whole else f"x {left} to {right}, y {top} to {bottom}",
            why=region_why or "no rules were given",
        ),
        Decided(name="working size", value=f"{height} x {width} px", why=why_reduced),
        Decided(
            name="still mode",
            value="off" if made.still_s == made.key_every_s else f"one in {duration(made.still_s)}",
            why="--key-every asks for the same key frames while nothing moves"
            if made.still_s == made.key_every_s
            else "while nothing moves in the region, the last masks stay right; this finds what is too slow to be seen",
        ),
    )
    return replace(made, decided=decided)


def _each(number: int) -> str:
    """In words: "each", "every 2nd", "every 11th"."""
    if number == 1:
        return "each"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"every {number}{ending}"


def _reduced(factor: int) -> str:
    return "of full size" if factor == 1 else f"reduced {factor} times"
