"""A job of many pictures that was stopped goes on, and only if it is the same job."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from smalta.errors import ConfigError, DataError
from smalta.results.manifest import Manifest
from smalta.results.output import Written

JOB = {"model": "0123456789abcdef", "level": None, "overlays": False}


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Two files, and answers for them."""
    (tmp_path / "classes").mkdir()
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for path in paths:
        path.write_bytes(b"picture")
        (tmp_path / "classes" / path.name).write_bytes(b"answer")
    return paths


def written(picture: Path) -> Written:
    return Written(files={"classes": picture.parent / "classes" / picture.name}, added={"objects": "1,2\n3,4\n"})


def stop_after_the_first(pictures: list[Path]) -> Path:
    """A job that did one picture, failed at the other; returns its manifest."""
    with Manifest(pictures[0].parent, JOB, resume=False) as manifest:
        manifest.add(pictures[0], written(pictures[0]))
        manifest.add_failure(pictures[1], "it is broken")
    return pictures[0].parent / "manifest.jsonl"


def test_what_was_done_comes_back_and_what_failed_is_tried_again(pictures: list[Path]) -> None:
    stop_after_the_first(pictures)

    with Manifest(pictures[0].parent, JOB, resume=True) as manifest:
        assert manifest.done(pictures[0]) == written(pictures[0])
        assert manifest.done(pictures[1]) is None


def test_a_job_that_begins_anew_knows_nothing(pictures: list[Path]) -> None:
    stop_after_the_first(pictures)

    with Manifest(pictures[0].parent, JOB, resume=False) as manifest:
        assert manifest.done(pictures[0]) is None


def test_a_picture_that_changed_or_whose_answer_is_gone_is_done_again(pictures: list[Path]) -> None:
    with Manifest(pictures[0].parent, JOB, resume=False) as manifest:
        for picture in pictures:
            manifest.add(picture, written(picture))
    os.utime(pictures[0], ns=(1, 1))
    written(pictures[1]).files["classes"].unlink()

    with Manifest(pictures[0].parent, JOB, resume=True) as manifest:
        assert [manifest.done(picture) for picture in pictures] == [None, None]


def test_a_line_that_was_cut_short_is_dropped(pictures: list[Path]) -> None:
    path = stop_after_the_first(pictures)
    with Manifest(path.parent, JOB, resume=True) as manifest:
        manifest.add(pictures[1], written(pictures[1]))
    path.write_bytes(path.read_bytes()[:-5])

    with Manifest(path.parent, JOB, resume=True) as manifest:
        assert manifest.done(pictures[0]) is not None
        assert manifest.done(pictures[1]) is None
        manifest.add(pictures[1], written(pictures[1]))

    names = [line["picture"]["name"] for line in map(json.loads, path.read_text().splitlines()[1:])]
    assert names == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"model": "fedcba9876543210"},
            "a job with model = 0123456789ab, and this job has model = fedcba987654;",
        ),
        ({"level": 1}, "a job with level = null, and this job has level = 1;"),
    ],
)
def test_another_model_or_another_option_is_refused_and_nothing_is_lost(
    pictures: list[Path], changed: dict[str, object], sentence: str
) -> None:
    path = stop_after_the_first(pictures)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match=sentence):
        Manifest(path.parent, JOB | changed, resume=True)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]\n",
        b'{"job": {}\n',
        b'{"other": 1}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"smalta": "0.1.0", "job": []}\n',
        b'{"smalta": "0.1.0", "job": {}}\n3\n',
        b'{"smalta": "0.1.0", "job": {}}\n{"picture": {}, "files": {}, "added": {}}\n',
        b'{"smalta": "0.1.0", "job": {}}\n{"picture": {"name": "a"}, "files": {"classes": 3}, "added": {}}\n',
    ],
)
def test_a_manifest_that_is_none_is_refused(pictures: list[Path], content: bytes) -> None:
    path = pictures[0].parent / "manifest.jsonl"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"manifest.jsonl is damaged .* start again without --resume"):
        Manifest(path.parent, JOB, resume=True)
