from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clips import clear_pictures, cut, even, write_clip, write_sound
from smalta.errors import ConfigError, DataError
from smalta.video.frames import open_video


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty (zero bytes); copy or export it again"),
        (b"a text that somebody named like a video\n" * 50, "it cannot be read as a video"),
    ],
)
def test_a_file_that_is_no_video_is_an_error_with_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)

    with pytest.raises(DataError) as refused:
        open_video(path)

    assert str(refused.value).startswith(f"{path}")
    assert sentence in str(refused.value)


def test_an_mp4_without_its_header_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    clip = cut(write_clip(tmp_path / "cut.mp4", even(50)), 0.5)

    with pytest.raises(DataError, match=r"its header is cut off.*Matroska"):
        open_video(clip)


def test_sound_alone_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no video, only audio"):
        open_video(write_sound(tmp_path / "song.m4a"))


def test_an_unknown_codec_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "new.mkv", even(5))
    clip.write_bytes(clip.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_FUTURE/CODEC1"))

    with pytest.raises(DataError, match=r"cannot decode; convert it to H\.264"):
        open_video(clip)


def test_a_video_whose_every_packet_is_damaged_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", even(5), size_hw=(90, 160), codec="mjpeg", pixels="yuvj420p")
    clear_pictures(clip, range(5))

    with pytest.raises(DataError, match=r"holds no frame that can be decoded"):
        open_video(clip)


def test_a_missing_file_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; check the path"):
        open_video(tmp_path / "nowhere.mp4")


def test_without_pyav_a_sentence_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even(2))
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(ConfigError, match=r"pip install 'smalta\[video\]'"):
        open_video(clip)
