"""`smalta watch` and the commands around it, on a generated clip and the shipped model."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from broker import LoopbackBroker
from command_line import Cli, assert_refused
from smalta.demo.shipped import shipped_model
from smalta.scenes.motion import generate_clip
from smalta.scenes.motion.writing import write_clip
from smalta.video.sight import Sight

RULES = """\
picture: [160, 96]
zones:
  near: {polygon: [[0, 40], [160, 40], [160, 96], [0, 96]]}
  road: {stuff: road}
lines: {kerb: {from: [0, 60], to: [160, 60], in: right}}
events: [{name: busy, when: count in near of vehicle >= 1}]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `street.mp4`, a clip of two seconds, and `rules.yaml`."""
    folder = tmp_path_factory.mktemp("street")
    write_clip(generate_clip("street", 4, seconds=2, fps=10, size_hw=(96, 160)), folder / "street.mp4")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def watch(cli: Cli, place: Path) -> Any:
    """Watch the clip into a folder."""

    def run(folder: Path, *options: object, model: Path | None = None) -> tuple[int, str, str]:
        rules = () if "--rules" in options else ("--rules", place / "rules.yaml")
        return cli("watch", model or shipped_model(), place / "street.mp4", *rules, "--out", folder, *options)

    return run


def test_a_watch_prints_its_counts_and_where_the_log_is(watch: Any, tmp_path: Path) -> None:
    code, said, error = watch(tmp_path / "out")

    assert (code, error) == (0, "")
    for word in ("Lines", "kerb", "Zones", "near", "road", "Events", "busy", "events.jsonl"):
        assert word in said
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "events.jsonl", "state.json", "counts.csv", "occupancy.png", "heat.png",
    }  # fmt: skip


def test_the_same_file_model_and_rules_give_the_same_log(watch: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert watch(tmp_path / name, "--quiet", "--cores", {"a": 1, "b": 2}[name])[0] == 0
    before = (tmp_path / "a" / "events.jsonl").read_bytes()

    assert (tmp_path / "b" / "events.jsonl").read_bytes() == before
    assert watch(tmp_path / "a", "--quiet", "--resume")[0] == 0
    assert (tmp_path / "a" / "events.jsonl").read_bytes() == before


def test_video_and_pictures_are_written_where_asked_for(watch: Any, tmp_path: Path) -> None:
    code, _, _ = watch(tmp_path / "out", "--video", "--pictures", "--blur", "person", "--blur", "vehicle")

    assert code == 0
    assert (tmp_path / "out" / "video.mp4").stat().st_size > 1000
    assert (tmp_path / "out" / "pictures").is_dir()


def test_a_broker_gets_the_counts(watch: Any, tmp_path: Path) -> None:
    with LoopbackBroker() as server:
        code, _, error = watch(tmp_path / "out", "--mqtt", f"mqtt://anna:secret@127.0.0.1:{server.port}/street")
        server.wait(lambda messages: any(message.payload == b"offline" for message in messages))

    assert (code, error) == (0, "")
    assert server.of("street/counts")[-1].json()["lines"].keys() == {"kerb"}
    assert b"secret" not in (tmp_path / "out" / "events.jsonl").read_bytes()


def test_ctrl_c_prints_the_counts(watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = Sight.step, iter(range(100))

    def stop(self: Sight, *arguments: Any) -> Any:
        if next(calls) == 8:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(Sight, "step", stop)

    code, said, error = watch(tmp_path / "out")

    assert code == 130
    assert "kerb" in said
    assert "stopped; finished work is kept" in error
    assert (tmp_path / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()[-1].count('"stop"') == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--blur", "person"], "--blur is for --video and --pictures"),
        (["--video", "--blur", "road"], "--blur road names no thing"),
        (["--video", "--blur", "persn"], "person"),
        (["--mqtt", "http://anna:secret@broker"], "needs mqtt:// or mqtts://"),
        (["--region", "1,2,3"], "--region is '1,2,3'; write LEFT,TOP,RIGHT,BOTTOM"),
        (["--region", "0,0,9,9"], "leaves less than 32 x 32 px"),
        (["--key-every", 0], "--key-every must be at least 1"),
        (["--cores", 0], "--cores must be at least 1"),
        (["--fps", 5], "fps = 5 is for folders of pictures"),
        (["--rules", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(
    watch: Any, tmp_path: Path, options: list[object], sentence: str
) -> None:
    result = watch(tmp_path / "out", *options)

    assert_refused(result, sentence)
    assert "secret" not in result[2]
    assert not (tmp_path / "out" / "events.jsonl").exists()


def test_a_folder_that_cannot_be_used_is_refused(watch: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_refused(watch(tmp_path / "file"), "set another folder with --out")

    assert watch(tmp_path / "out", "--quiet")[0] == 0
    assert_refused(watch(tmp_path / "out"), "go on with it with --resume")


def test_other_rules_are_refused_when_it_goes_on(watch: Any, tmp_path: Path) -> None:
    assert watch(tmp_path / "out", "--quiet")[0] == 0
    (tmp_path / "other.yaml").write_text(RULES.replace("[0, 60]", "[0, 61]"), encoding="utf-8")

    assert_refused(watch(tmp_path / "out", "--resume", "--rules", tmp_path / "other.yaml"), "the rules")


def test_a_model_without_objects_says_which_rules_still_work(watch: Any, tmp_path: Path, run: Path) -> None:
    (tmp_path / "line.yaml").write_text(
        "picture: [160, 96]\nlines: {kerb: {from: [0, 60], to: [160, 60], in: right}}\n", encoding="utf-8"
    )

    assert_refused(watch(tmp_path / "out", "--rules", tmp_path / "line.yaml", model=run), "stuff")


# -- the commands around it ---------------------------------------------------------------------------


def test_a_still_shows_a_grid(cli: Cli, place: Path, tmp_path: Path) -> None:
    code, said, _ = cli("zones", place / "street.mp4", "--out", tmp_path / "still.png", "--at", 1)

    assert code == 0
    assert "160x96" in said
    assert (tmp_path / "still.png").stat().st_size > 1000
    assert_refused(cli("zones", place / "street.mp4", "--out", tmp_path / "still.png"), "exists")


def test_frames_are_picked_for_labelling(cli: Cli, place: Path, tmp_path: Path) -> None:
    code, said, _ = cli("frames", place / "street.mp4", "--out", tmp_path / "set", "--count", 3)

    assert code == 0
    assert "3 frames are in" in said
    assert len(list((tmp_path / "set" / "images").iterdir())) == 3


def test_a_log_is_counted_again(watch: Any, cli: Cli, tmp_path: Path) -> None:
    watch(tmp_path / "out", "--quiet")

    code, said, _ = cli(
        "replay", tmp_path / "out", "--by", "minute", "--csv", tmp_path / "r.csv", "--json", tmp_path / "r.json"
    )

    assert code == 0
    assert "kerb" in said
    assert "busy" in said
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"kerb", "near", "road", "busy"}
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["by_s"] == 60
    assert_refused(cli("replay", tmp_path / "nowhere"), "cannot be read")
    assert_refused(cli("replay", tmp_path / "out", "--by", "week"), "by is 'week'")


def test_windows_that_people_counted_are_compared(watch: Any, cli: Cli, tmp_path: Path) -> None:
    watch(tmp_path / "out", "--quiet")
    (tmp_path / "counted.csv").write_text("from,to,name,in,out\n0,1,kerb,5,0\n", encoding="utf-8")

    code, said, _ = cli("watch-check", tmp_path / "out", tmp_path / "counted.csv")

    assert code == 0
    assert "kerb" in said
    assert "nine" in said or "9" in said
