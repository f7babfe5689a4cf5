"""MP4 files: pictures at their times, odd sizes, files of programs that were killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from smalta.errors import DataError
from smalta.video.showing.video_file import VideoFile, free_name

av = pytest.importorskip("av")


def read(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    return [float(frame.time) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


def test_pictures_stand_at_their_times(tmp_path: Path) -> None:
    times = [7.0, 7.04, 7.5, 9.25]
    with VideoFile(tmp_path / "a.mp4", (48, 64), 25.0) as file:
        for number, time_s in enumerate(times):
            file.write(np.full((48, 64, 3), 60 * number, np.uint8), time_s)

    found, pictures = read(tmp_path / "a.mp4")

    assert found == pytest.approx([0.0, 0.04, 0.5, 2.25], abs=1e-4)
    assert [int(picture.mean() / 60 + 0.5) for picture in pictures] == [0, 1, 2, 3]


def test_odd_sizes_lose_their_last_row_and_column_and_other_sizes_are_padded(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "a.mp4", (49, 65), 10.0) as file:
        file.write(np.full((49, 65, 3), 200, np.uint8), 0.0)
        file.write(np.full((30, 90, 3), 200, np.uint8), 0.1)

    _, pictures = read(tmp_path / "a.mp4")

    assert {picture.shape for picture in pictures} == {(48, 64, 3)}
    assert pictures[1][:28].mean() > 180
    assert pictures[1][34:].mean() < 20


def test_what_a_killed_program_wrote_can_be_played(tmp_path: Path) -> None:
    code = (
        "import os, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from smalta.video.showing.video_file import VideoFile\n"
        "file = VideoFile(Path(sys.argv[1]), (48, 64), 10.0)\n"
        "for number in range(200):\n"
        "    file.write(np.full((48, 64, 3), number, np.uint8), number / 10)\n"
        "os.kill(os.getpid(), 9)\n"
    )

    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], check=False).returncode == -9

    times, _ = read(tmp_path / "a.mp4")
    assert len(times) > 50


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        VideoFile(tmp_path / "nowhere" / "a.mp4", (48, 64), 10.0)


def test_a_file_without_pictures_is_removed(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "a.mp4", (48, 64), 10.0) as file:
        file.close()

    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    assert free_name(tmp_path / "video.mp4").name == "video.mp4"
    for name in ("video.mp4", "video-2.mp4"):
        (tmp_path / name).touch()

    assert free_name(tmp_path / "video.mp4").name == "video-3.mp4"
