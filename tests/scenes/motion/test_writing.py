"""Clips become videos of constant rate, and frames of clips become data sets."""

from __future__ import annotations

import builtins
import json

import numpy as np
import pytest

from small_clips import SMALL_HW, small_clip
from smalta.data.any_format import open_dataset
from smalta.errors import ConfigError, DataError
from smalta.scenes.motion import generate_clip, motion_tree, write_clip, write_motion_data

av = pytest.importorskip("av")


def read(path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as file:
        frames = [(frame.to_ndarray(format="rgb24"), float(frame.time)) for frame in file.decode(video=0)]
    return [picture for picture, _ in frames], [time for _, time in frames]


def test_matroska_keeps_every_pixel_and_time(tmp_path) -> None:
    clip = small_clip("entrance", seconds=1.2)

    path = write_clip(clip, tmp_path / "clip.mkv")
    pictures, times = read(path)

    assert times == pytest.approx([k / 5 for k in range(6)], abs=1e-3)
    for frame, picture in zip(clip.frames(), pictures, strict=True):
        np.testing.assert_array_equal(picture, frame.picture)


def test_mp4_is_nearly_the_same_and_its_truth_lies_beside_it(tmp_path) -> None:
    clip = small_clip("street", seconds=1.2)

    write_clip(clip, tmp_path / "clip.mp4", truth=tmp_path / "truth.json")
    pictures, times = read(tmp_path / "clip.mp4")
    truth = json.loads((tmp_path / "truth.json").read_text())

    assert times == pytest.approx([k / 5 for k in range(6)])
    for frame, picture in zip(clip.frames(), pictures, strict=True):
        assert np.abs(picture.astype(int) - frame.picture).mean() < 6
    assert truth == {"kind": "street", "seed": 0, "fps": 5.0, "size_hw": [120, 208], "rules": clip.rules} | (
        clip.truth.to_dict()
    )


def test_odd_sizes_other_suffixes_and_old_files_are_refused(tmp_path) -> None:
    odd = generate_clip("entrance", 0, seconds=0.2, size_hw=(61, 80))
    (tmp_path / "old.mkv").write_bytes(b"mine")

    with pytest.raises(ConfigError, match=r"even height and width, got \(61, 80\); write \.mkv"):
        write_clip(odd, tmp_path / "odd.mp4")
    with pytest.raises(ConfigError, match=r"written as \.mp4 or \.mkv, got 'clip\.avi'"):
        write_clip(odd, tmp_path / "clip.avi")
    with pytest.raises(ConfigError, match=r"old\.mkv exists; name a new file"):
        write_clip(odd, tmp_path / "old.mkv")
    with pytest.raises(ConfigError, match=r"old\.mkv exists"):
        write_clip(odd, tmp_path / "new.mkv", truth=tmp_path / "old.mkv")
    with pytest.raises(DataError, match="cannot be written"):
        write_clip(odd, tmp_path / "missing" / "clip.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["old.mkv"]
    assert (tmp_path / "old.mkv").read_bytes() == b"mine"


def test_without_pyav_the_message_says_what_to_install(tmp_path, monkeypatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **others: object) -> object:
        if name == "av":
            raise ImportError(name)
        return real(name, *args, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ConfigError, match=r"needs PyAV; run `pip install 'smalta\[video\]'`"):
        write_clip(small_clip("entrance", seconds=0.2), tmp_path / "clip.mkv")


def test_frames_of_a_clip_are_in_one_split(tmp_path) -> None:
    write_motion_data(
        tmp_path / "set", "parking", n_train=2, n_val=1, n_test=0, seed=4, size_hw=SMALL_HW, frames_per_clip=2
    )

    dataset = open_dataset(tmp_path / "set")
    names = {split: [entry.name for entry in entries] for split, entries in dataset.splits.items()}
    sample = dataset.read(dataset.split("val")[0])
    frame = generate_clip("parking", 6, size_hw=SMALL_HW).frame(125)

    assert names == {
        "train": [f"parking_{seed:06d}_{frame:05d}" for seed in (4, 5) for frame in (125, 375)],
        "val": ["parking_000006_00125", "parking_000006_00375"],
    }
    assert dataset.tree == motion_tree("parking")
    np.testing.assert_array_equal(sample.picture, frame.picture)
    np.testing.assert_array_equal(sample.classes, frame.classes)
    np.testing.assert_array_equal(sample.instances, frame.instances)
    lines = (tmp_path / "set" / "groups.txt").read_text().splitlines()
    assert lines[0] == "parking_000004_00125.png\tparking_000004"
    assert len(lines) == 6


def test_a_data_set_needs_a_frame_of_each_clip(tmp_path) -> None:
    with pytest.raises(ConfigError, match="frames_per_clip must be at least 1, got 0"):
        write_motion_data(tmp_path / "set", "street", n_train=1, n_val=1, n_test=1, frames_per_clip=0)
