"""Pick the frames of a video that are worth labelling.

In:  frames of a video, or its source; a model, if there is one.
Out: the frames; `images/` and `groups.txt` of a data set.

Each moment gives its sharpest frame. Of these, the frames that look unlike all others stay. So a person who passes once
in a day is among them, and an empty shop is there once. What is kept in memory does not grow with the video.

Must not know: what objects and rules are.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from smalta.data.splits import GROUPS_FILE, with_groups
from smalta.errors import ConfigError, DataError
from smalta.inference.predictor import Predictor, load
from smalta.pictures.writing import write_picture
from smalta.system.whole_files import write_bytes
from smalta.video.frames import Ended, Found, Frame, Lost, Video, open_video
from smalta.video.looks import look, seen_by, sharpness
from smalta.video.reading.sources import Source, source_of

FIRST_MOMENT_S = 0.2
MOMENTS = 500  # after this number, moments last twice as long: a day has fewer than 5,000
REACH = 10  # moments before and after, with which the sharpness of a frame is compared
KEPT = 4  # frames in memory for each that is wanted
TIME_SHARE = 0.05  # what the time between two frames counts beside their looks, if the whole video lies between them
LOOKED_AT = 640  # longer side of the pictures that are compared, pixels
_TOLERANCE_S = 1e-6  # for time stamps that are rounded

Items = Iterable[Frame | Lost | Found | Ended]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What `write_frames` wrote.

    Attributes:
        pictures: the files, in the order of time.
        times_s: of the frames, seconds.
        group: of the frames in the groups file.
        groups_file: its path.
        notes: what the user should know, one sentence each.
    """

    pictures: tuple[Path, ...]
    times_s: tuple[float, ...]
    group: str
    groups_file: Path
    notes: tuple[str, ...]


# -- picking ------------------------------------------------------------------------------------------


def pick_frames(video: Items, count: int, features: Callable[[np.ndarray], np.ndarray] = look) -> list[Frame]:
    """Frames that are sharp, unlike each other, and spread over the video.

    Args:
        video: its frames in order; other items are passed over.
        count: how many, at least 1.
        features: gives a vector for a picture; two pictures that have little in common are about 1 apart.

    Returns:
        At most `count` frames in the order of time; fewer if the video has fewer moments of `FIRST_MOMENT_S`. At most
        `KEPT * count + 2 * REACH + 3` pictures are in memory.

    Raises:
        ConfigError: if `count` is below 1.
    """
    if count < 1:
        raise ConfigError(f"count must be at least 1 frame, got {count}")
    pool = _Pool(KEPT * count)
    for moment in _judged(_moments(item for item in video if isinstance(item, Frame))):
        pool.add(moment, features(moment.frame.picture))
    return pool.spread(count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Moment:
    """The sharpest frame of a moment.

    Attributes:
        frame: the frame.
        sharpness: of its picture.
        quality: in 0..1, its sharpness over that of the moments around it.
    """

    frame: Frame
    sharpness: float
    quality: float = 1.0


def _moments(frames: Iterable[Frame]) -> Iterator[_Moment]:
    best: _Moment | None = None
    end_s, length_s, n = -np.inf, FIRST_MOMENT_S, 0
    for frame in frames:
        found = _Moment(frame=frame, sharpness=sharpness(frame.picture))
        if best is not None and frame.time_s >= end_s:
            yield best
            best, n = None, n + 1
            length_s *= 2 if n % MOMENTS == 0 else 1
        if best is None:
            best, end_s = found, frame.time_s + length_s - _TOLERANCE_S
        elif found.sharpness > best.sharpness:
            best = found
    if best is not None:
        yield best


def _judged(moments: Iterable[_Moment]) -> Iterator[_Moment]:
    """The same with their quality, each after the `REACH` moments that follow it are known."""
    window: deque[_Moment] = deque(maxlen=2 * REACH + 1)

    def judged(moment: _Moment) -> _Moment:
        usual = median(near.sharpness for near in window)
        return replace(moment, quality=min(1.0, moment.sharpness / usual) if usual else 1.0)

    waiting = 0
    for moment in moments:
        window.append(moment)
        waiting += 1
        if waiting > REACH:
            yield judged(window[-waiting])
            waiting -= 1
    for place in range(-waiting, 0):
        yield judged(window[place])


class _Pool:
    """Keeps the moments that are most unlike each other, at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._moments: list[_Moment] = []
        self._features: list[np.ndarray] = []
        self._distances = np.zeros((0, 0))  # of the features

    def add(self, moment: _Moment, features: np.ndarray) -> None:
        """Add a moment; if there are too many, the worse of the two that are most alike goes, or else the later."""
        to_others = np.array([np.linalg.norm(features - other) for other in self._features])
        self._moments.append(moment)
        self._features.append(features)
        self._distances = np.pad(self._distances, (0, 1))
        self._distances[-1, :-1] = self._distances[:-1, -1] = to_others
        if len(self._moments) > self._limit:
            apart = self._apart()
            np.fill_diagonal(apart, np.inf)
            first, second = divmod(int(apart.argmin()), len(apart))  # the first of equals: first < second
            worse = first if self._moments[first].quality < self._moments[second].quality else second
            del self._moments[worse], self._features[worse]
            self._distances = np.delete(np.delete(self._distances, worse, axis=0), worse, axis=1)

    def _apart(self) -> np.ndarray:
        """(M, M): how unlike each other, in looks and a little in time."""
        times = np.array([moment.frame.time_s for moment in self._moments])
        span = float(np.ptp(times)) or 1.0
        return self._distances + TIME_SHARE * np.abs(times[:, None] - times) / span

    def spread(self, count: int) -> list[Frame]:
        """At most `count` frames in the order of time.

        The first is the most usual one. Each further one is that which is most unlike all chosen ones (farthest-point
        sampling, Gonzalez 1985), where the distance of a blurred frame counts less.
        """
        frames = [moment.frame for moment in self._moments]
        if len(frames) <= count:
            return frames
        apart, quality = self._apart(), np.array([moment.quality for moment in self._moments])
        chosen = [int((apart.mean(axis=1) / quality.clip(1e-6)).argmin())]
        while len(chosen) < count:
            unlike = apart[chosen].min(axis=0) * quality
            unlike[chosen] = -1
            chosen.append(int(unlike.argmax()))
        return [frames[place] for place in sorted(chosen)]


# -- writing ------------------------------------------------------------------------------------------


def write_frames(
    source: str | Path,
    out: str | Path,
    count: int = 20,
    model: str | Path | Predictor | None = None,
    *,
    fps: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Picked:
    """Pick frames of a video and write them as the pictures of a data set.

    Writes `OUT/images/NAME_tSECONDS.png`, and a line for each in `OUT/groups.txt`, so that all frames of one video get
    into the same split. `OUT` may hold other pictures and groups already; nothing is overwritten.

    Args:
        source: a video with an end: the path of a file, a folder of pictures, an address.
        out: the folder of the data set.
        count: how many frames, at least 1.
        model: a run folder, an exported model, or one that is loaded: frames in which it sees something else are more
            unlike each other. None: only colours and edges count.
        fps: pictures a second of a folder.
        progress: called with the numbers of read and of all frames, if the video declares how many it has.

    Raises:
        ConfigError: if the source is live, `count` is below 1, or `fps` does not fit.
        DataError: if the source cannot be read, or a file exists already or cannot be written.
        ModelError: if the model cannot be loaded.

    Example:
        >>> picked = write_frames("street.mp4", "frames", count=2)
        >>> len(picked.pictures), picked.group
        (2, 'street')
    """
    if count < 1:
        raise ConfigError(f"count must be at least 1 frame, got {count}")
    predictor = model if isinstance(model, Predictor) or model is None else load(model)
    with open_video(source, fps=fps) as video:
        if video.live:
            raise ConfigError(f"{video.source} is live and has no end; record it into a file, then pick frames of that")
        small_hw = _reduced(video.size_hw)
    with open_video(source, fps=fps, small_hw=small_hw) as video:
        features = look if predictor is None else seen_by(predictor)
        picked = pick_frames(_counted(video, progress), count, features)
        notes = video.notes()
    if not picked:
        raise DataError(f"{video.source} gives no frame; check that it plays")
    if len(picked) < count:
        notes.append(
            f"{len(picked)} of {count} frames were picked: {video.source} has no more moments of {FIRST_MOMENT_S:g} s"
        )
    group = _name(source_of(source))
    folder, groups_file = Path(out) / "images", Path(out) / GROUPS_FILE
    paths = {frame.number: folder / f"{group}_t{frame.time_s:09.3f}.png" for frame in picked}
    _refuse_existing(paths.values())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stated = groups_file.read_text(encoding="utf-8-sig") if groups_file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{out} cannot be used as the folder of a data set: {error}") from error
    groups = {path.stem: group for path in paths.values()}
    write_bytes(groups_file, with_groups(stated, groups).encode())  # first: no frame is ever without its group
    with open_video(source, fps=fps, from_frame=picked[0].number) as video:
        for frame in _these(video, set(paths)):
            write_picture(paths[frame.number], frame.picture)
    return Picked(
        pictures=tuple(paths.values()),
        times_s=tuple(frame.time_s for frame in picked),
        group=group,
        groups_file=groups_file,
        notes=tuple(notes),
    )


def _reduced(size_hw: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, LOOKED_AT / max(size_hw))
    return max(1, round(size_hw[0] * factor)), max(1, round(size_hw[1] * factor))


def _counted(video: Video, progress: Callable[[int, int], None] | None) -> Iterator[Frame | Lost | Found | Ended]:
    for item in video:
        if progress is not None and video.n_frames and isinstance(item, Frame):
            progress(min(item.number + 1, video.n_frames), video.n_frames)
        yield item


def _these(video: Items, numbers: set[int]) -> Iterator[Frame]:
    last = max(numbers)
    for item in video:
        if isinstance(item, Frame) and item.number in numbers:
            yield item
            if item.number == last:
                return


def _name(source: Source) -> str:
    """Of the clip, for files: letters, digits and a few signs."""
    words = source.path.resolve().stem if source.path else re.sub(r"[?#].*", "", source.shown).rstrip("/")
    return re.sub(r"[^\w-]+", "_", Path(words).stem or "video").strip("_") or "video"


def _refuse_existing(paths: Iterable[Path]) -> None:
    if there := [path for path in paths if path.exists()]:
        raise DataError(f"{there[0]} exists already; choose another folder, or remove the frames of this video from it")
