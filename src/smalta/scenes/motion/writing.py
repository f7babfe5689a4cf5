"""Write clips as video files, and frames of clips as folder data sets.

In:  a clip, or a kind and numbers of clips.
Out: an MP4 or Matroska file, truth as JSON; a folder with pictures, masks, instances and `classes.yaml`.

PyAV is imported when a video is written. Must not know: how clips are made.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from smalta.data.sample import Sample
from smalta.errors import ConfigError, DataError
from smalta.scenes.data_set import write_data_set
from smalta.scenes.motion.clip import Clip, MotionKind, generate_clip, motion_tree
from smalta.system.whole_files import write_bytes

# container, codec, pixel format, options; by suffix
_FORMATS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    ".mp4": ("mp4", "libx264", "yuv420p", {"crf": "16", "preset": "veryfast"}),
    ".mkv": ("matroska", "ffv1", "bgr0", {"level": "3", "slices": "4"}),
}
GROUPS_FILE = "groups.txt"  # see `smalta.data.splits`
SECONDS = 20.0  # length of the clips of a data set
CLIPS_KEPT = 3  # clips whose frames are drawn at the same time by several threads


def write_clip(clip: Clip, path: str | Path, *, truth: str | Path | None = None) -> Path:
    """Write a clip as a video of constant frame rate, whole or not at all.

    Args:
        clip: the clip.
        path: a new file. `.mp4` is H.264 of high quality (CRF 16, 4:2:0), which changes pixels a little and needs an
            even height and width. `.mkv` is FFV1 in Matroska, which keeps every pixel.
        truth: a new JSON file for kind, seed, rules and truth; None = not written.

    Returns:
        `path`.

    Raises:
        ConfigError: if a file exists, the suffix is another one, the size is odd in an MP4, or PyAV is not installed.
        DataError: if a file cannot be written.
    """
    path = Path(path)
    for file in (path, *([Path(truth)] if truth is not None else [])):
        if file.exists():
            raise ConfigError(f"{file} exists; name a new file")
    if path.suffix.lower() not in _FORMATS:
        raise ConfigError(f"a clip is written as .mp4 or .mkv, got {path.name!r}")
    container, codec, pixel_format, options = _FORMATS[path.suffix.lower()]
    if container == "mp4" and (clip.size_hw[0] % 2 or clip.size_hw[1] % 2):
        raise ConfigError(f"an MP4 needs an even height and width, got {clip.size_hw}; write .mkv")
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _encode(clip, draft, container, codec, pixel_format, options)
        os.replace(draft, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    if truth is not None:
        known = {"kind": clip.kind, "seed": clip.seed, "fps": clip.fps, "size_hw": list(clip.size_hw)}
        content = known | {"rules": clip.rules} | clip.truth.to_dict()
        write_bytes(truth, (json.dumps(content) + "\n").encode())
    return path


def _encode(clip: Clip, path: Path, container: str, codec: str, pixel_format: str, options: dict[str, str]) -> None:
    try:
        import av
    except ImportError as error:
        raise ConfigError("writing video needs PyAV; run `pip install 'smalta[video]'`") from error
    rate = Fraction(clip.fps).limit_denominator(100_000)
    with av.open(str(path), "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = clip.size_hw
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = 1 / rate
        for frame in clip.frames():
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.picture), format="rgb24")
            image = image.reformat(format=pixel_format)
            image.pts, image.time_base = frame.number, 1 / rate
            file.mux(stream.encode(image))
        file.mux(stream.encode(None))


def write_motion_data(
    out: str | Path,
    kind: MotionKind,
    *,
    n_train: int,
    n_val: int,
    n_test: int,
    seed: int = 0,
    size_hw: tuple[int, int] = (360, 640),
    frames_per_clip: int = 8,
) -> Path:
    """Write single frames of clips as a folder data set with masks, instances and `classes.yaml`, for `smalta train`.

    The clips have the seeds `seed`, `seed + 1`, ... in the order train, val, test, so all frames of a clip are in one
    split. Frames of a clip lie evenly over its 20 seconds. `groups.txt` names the clip of every picture.

    Args:
        out: the folder to write; new or empty.
        kind: of the clips.
        n_train: number of clips in the training split; a split without clips has no folder.
        n_val: number of clips in the validation split.
        n_test: number of clips in the test split.
        seed: of the first clip. Clips on which a model is tested must have other seeds than all of these.
        size_hw: picture size in pixels.
        frames_per_clip: pictures of each clip, at least 1.

    Returns:
        `out`.

    Raises:
        ConfigError: if a number is negative or `frames_per_clip` is below 1, all are 0, or `out` holds files.
    """
    if frames_per_clip < 1:
        raise ConfigError(f"frames_per_clip must be at least 1, got {frames_per_clip}")

    @lru_cache(maxsize=CLIPS_KEPT)
    def clip_of(number: int) -> Clip:
        return generate_clip(kind, seed + number, seconds=SECONDS, size_hw=size_hw)

    def draw(number: int) -> Sample:
        clip = clip_of(number // frames_per_clip)
        place = (number % frames_per_clip + 0.5) / frames_per_clip
        frame = clip.frame(min(int(place * clip.n_frames), clip.n_frames - 1))
        return Sample(
            name=f"{_clip_name(kind, clip.seed)}_{frame.number:05d}",
            picture=frame.picture,
            classes=frame.classes,
            instances=frame.instances,
        )

    root = write_data_set(
        out,
        motion_tree(kind),
        draw,
        n_train=n_train * frames_per_clip,
        n_val=n_val * frames_per_clip,
        n_test=n_test * frames_per_clip,
    )
    pictures = sorted(path.name for path in root.glob("*/images/*.png"))
    write_bytes(root / GROUPS_FILE, "".join(f"{name}\t{name.rsplit('_', 1)[0]}\n" for name in pictures).encode())
    return root


def _clip_name(kind: str, seed: int) -> str:
    return f"{kind}_{seed:06d}"
