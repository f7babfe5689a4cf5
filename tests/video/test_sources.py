from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import ConfigError, DataError
from smalta.video.reading.sources import shown_source, source_of

odd = st.text(alphabet="abc0123:@/?#%&=._- ", max_size=8)


@given(before=odd, after=odd, path=st.text(alphabet="abc0/.-", max_size=8))
def test_a_password_before_the_host_is_never_shown(before: str, after: str, path: str) -> None:
    address = f"rtsp://admin:{before}S3CR3T{after}@10.0.0.7:554/{path}"

    shown = shown_source(address)

    assert "S3CR3T" not in shown
    assert "10.0.0.7:554" in shown
    assert shown.startswith("rtsp://admin:***@")
    assert "S3CR3T" not in repr(source_of(address))


@given(before=odd, after=odd)
def test_a_password_that_came_as_a_path_is_never_shown(before: str, after: str) -> None:
    assert "S3CR3T" not in shown_source(Path(f"rtsp://admin:{before}S3CR3T{after}@10.0.0.7/a"))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://cam/video.mjpg?user=admin&pwd=abc&size=1", "http://cam/video.mjpg?user=admin&pwd=***&size=1"),
        ("http://cam/video?Token=abc", "http://cam/video?Token=***"),
        ("rtsp://cam/user=admin_password=abc_channel=1.sdp", "rtsp://cam/user=admin_password=***"),
        ("rtsp://cam:554/stream", "rtsp://cam:554/stream"),
        ("rtsp://admin@cam/stream", "rtsp://admin@cam/stream"),
        ("RTSP://a:b@cam/stream", "rtsp://a:***@cam/stream"),
        ("clips/shop.mp4", "clips/shop.mp4"),
        ("0", "0"),
    ],
)
def test_sources_are_shown_without_secrets(address: str, shown: str) -> None:
    assert shown_source(address) == shown


def test_an_address_keeps_its_password_for_the_connection() -> None:
    source = source_of("rtsp://admin:secret@cam/stream")

    assert (source.kind, source.address) == ("stream", "rtsp://admin:secret@cam/stream")


def test_an_address_that_came_as_a_path_is_an_address() -> None:
    assert source_of(Path("rtsp://admin:secret@cam/stream")).address == "rtsp://admin:secret@cam/stream"


def test_files_folders_and_cameras_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b.mp4").write_bytes(b"x")

    assert source_of(tmp_path).kind == "pictures"
    assert source_of("a:b.mp4").kind == "file"
    assert source_of(f"file://{tmp_path}/a:b.mp4").path == tmp_path / "a:b.mp4"
    assert source_of("0").address == "/dev/video0"
    assert source_of("/dev/null").kind == "camera"

    (tmp_path / "0").write_bytes(b"x")
    assert source_of("0").kind == "file"


def test_a_camera_number_where_cameras_have_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")

    with pytest.raises(ConfigError, match="name the address of a stream instead"):
        source_of("7")


def test_an_unknown_scheme_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigError, match=r"begins with ftp://.*use one of rtsp") as refused:
        source_of("ftp://admin:secret@host/clip.mp4")

    assert "secret" not in str(refused.value)


def test_a_missing_file_is_an_error_with_a_sentence() -> None:
    with pytest.raises(DataError, match=r"nowhere\.mp4 does not exist; check the path"):
        source_of("nowhere.mp4")
