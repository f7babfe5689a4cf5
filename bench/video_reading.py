"""How long reading and resizing a frame takes, and whether times are right where the frame rate varies.

`python -m bench.video_reading [--trial]`. In: nothing; the clips are generated.
Out: bench/results/video_reading.json, or bench/work/results for a trial. OpenCV reads the same clips beside smalta.

Processor time of the whole process, so that threads of a decoder count too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from bench.common import exit_on_error, machine_facts, recorded_load, write_result
from smalta.video.frames import Frame, open_video

LIMIT_MS = 6.0  # for a frame of 640 x 360
ROUNDS = 5
SECONDS = 10
FPS = 25
SIZES = {"640x360": (360, 640), "1280x720": (720, 1280)}
SMALL = {"640x360": (180, 320), "1280x720": (360, 640)}
UNIT = Fraction(1, 90_000)
Reader = Callable[[Path, tuple[int, int] | None], int]


def scene(size_hw: tuple[int, int]) -> Iterator[np.ndarray]:
    """Frames of (H, W, 3) uint8: a still room, six things that walk through it, noise as of a camera."""
    random = np.random.default_rng(0)
    height, width = size_hw
    coarse = random.integers(0, 256, (9, 16, 3), dtype=np.uint8)
    room = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    colours = random.integers(0, 256, (6, 3))
    starts, speeds = random.uniform(0, 1, (6, 2)), random.uniform(-0.1, 0.1, (6, 2))
    for number in range(SECONDS * FPS):
        picture = room.astype(np.float32)
        for colour, start, speed in zip(colours, starts, speeds, strict=True):
            y, x = ((start + speed * number / FPS) % 1 * size_hw).astype(int)
            picture[y : y + height // 4, x : x + width // 12] = colour
        picture += random.normal(0, 3, (height, width, 1)).astype(np.float32)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def write(path: Path, pictures: Iterator[np.ndarray], stamps_s: list[float]) -> Path:
    """An H.264 video of these pictures at these seconds."""
    with av.open(str(path), "w") as out:
        stream = None
        for picture, stamp_s in zip(pictures, stamps_s, strict=False):
            if stream is None:
                stream = out.add_stream("libx264", rate=FPS)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = UNIT
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(stamp_s / UNIT), UNIT
            out.mux(stream.encode(frame))
        if stream is not None:
            out.mux(stream.encode())
    return path


def by_smalta(path: Path, small_hw: tuple[int, int] | None) -> int:
    """Read every frame; returns how many."""
    with open_video(path, small_hw=small_hw) as video:
        return sum(isinstance(item, Frame) for item in video)


def by_opencv(path: Path, small_hw: tuple[int, int] | None) -> int:
    """The same with OpenCV: decode, resize, RGB."""
    capture, frames = cv2.VideoCapture(str(path)), 0
    while (answer := capture.read())[0]:
        picture = answer[1]
        if small_hw:
            picture = cv2.resize(picture, small_hw[::-1], interpolation=cv2.INTER_AREA)
        cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        frames += 1
    capture.release()
    return frames


def milliseconds(read: Reader, path: Path, small_hw: tuple[int, int] | None) -> float:
    """Processor time a frame: the median of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        frames = read(path, small_hw)
        times.append(1000 * (time.process_time() - start) / frames)
    return round(statistics.median(times), 2)


def costs(folder: Path) -> dict[str, Any]:
    """Milliseconds of processor time a frame."""
    result = {}
    for name, size_hw in SIZES.items():
        path = write(folder / f"{name}.mp4", scene(size_hw), [number / FPS for number in range(SECONDS * FPS)])
        small = "x".join(map(str, SMALL[name][::-1]))
        result[name] = {
            reader: {
                "as stored": milliseconds(read, path, None),
                f"resized to {small}": milliseconds(read, path, SMALL[name]),
            }
            for reader, read in (("smalta", by_smalta), ("opencv", by_opencv))
        }
    return result


def phone() -> list[float]:
    """Seconds: a second of 30 frames, one of 12, two seconds of nothing, one of 30."""
    steps = [1 / 30] * 30 + [1 / 12] * 12 + [2.0] + [1 / 30] * 30
    return [0.0, *np.cumsum(steps).tolist()]


def stamp_errors(folder: Path) -> dict[str, Any]:
    """Largest difference between a frame's time since the first frame and the true one, seconds."""
    result = {}
    for suffix, start_s in (("mp4", 0.0), ("mkv", 0.0), ("ts", 5.0)):
        pictures = (np.full((48, 64, 3), 3 * number % 256, dtype=np.uint8) for number in range(1000))
        path = write(folder / f"phone.{suffix}", pictures, [start_s + stamp for stamp in phone()])
        with open_video(path) as video:
            ours = [item.time_s for item in video if isinstance(item, Frame)]
        theirs, counted, capture = [], [], cv2.VideoCapture(str(path))
        fps = capture.get(cv2.CAP_PROP_FPS)
        while capture.read()[0]:
            theirs.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            counted.append(len(counted) / fps)
        capture.release()
        result[suffix] = {
            "smalta": largest_error(ours),
            "opencv, CAP_PROP_POS_MSEC": largest_error(theirs),
            "opencv, number / CAP_PROP_FPS": largest_error(counted),
        }
    return result


def largest_error(times: list[float]) -> float | None:
    """None if frames are missing."""
    if len(times) != len(phone()):
        return None
    return round(float(np.abs(np.array(times) - times[0] - phone()).max()), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trial", action="store_true", help="keep the result out of bench/results")
    trial = parser.parse_args().trial
    with tempfile.TemporaryDirectory() as name, recorded_load() as load:
        spent, errors = costs(Path(name)), stamp_errors(Path(name))
    ours = spent["640x360"]["smalta"]["as stored"]
    worst = max(error["smalta"] if error["smalta"] is not None else np.inf for error in errors.values())
    result = {
        "command": "python -m bench.video_reading",
        "sentence": (
            f"Reading a frame of 640 x 360 takes {ours:.2f} ms of processor time; "
            f"times of clips of variable rate are right to {1000 * worst:.1f} ms"
        ),
        "limit_ms": LIMIT_MS,
        "milliseconds_per_frame": spent,
        "largest_time_error_s": errors,
        "versions": {name: version(name) for name in ("av", "opencv-python-headless")},
        "load": load,
        "machine": machine_facts(),
    }
    print(f"wrote {write_result('video_reading', result, scratch=trial)}: {result['sentence']}")
    if max(spent["640x360"]["smalta"].values()) > LIMIT_MS or worst > 1 / 30:
        sys.exit(f"bench: expected at most {LIMIT_MS:g} ms a frame of 640 x 360, and times right to one frame")


if __name__ == "__main__":
    exit_on_error(main)
