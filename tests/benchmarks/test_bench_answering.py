import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from bench import answer_memory, answer_speed, answering, start_up

from labelled_sets import write_set
from smalta.classes import ClassTree
from smalta.pictures.reading import read_index
from smalta.pictures.writing import write_index, write_picture


def numbers(rate: float, **more: Any) -> dict[str, Any]:
    return {"pictures": 4, "pictures_per_second": rate, "load_seconds": rate / 10, "peak_bytes": 100 * rate} | more


def test_rounds_are_summed_up_by_their_median_and_the_largest_peak() -> None:
    networks = [{"share_of_peak": share, "size_hw": [1, 2]} for share in (0.5, 0.25, 0.375)]

    told = answer_speed.summary(
        [numbers(rate, network=network) for rate, network in zip((2.0, 8.0, 4.0), networks, strict=True)]
    )

    assert (told["rates"], told["pictures_per_second"]) == ([2.0, 8.0, 4.0], 4.0)
    assert (told["load_seconds"], told["peak_bytes"]) == (0.4, 800.0)
    assert told["network"] == {"share_of_peak": 0.375, "size_hw": [1, 2], "shares_of_peak": [0.25, 0.375, 0.5]}


def test_a_side_that_failed_once_has_no_numbers() -> None:
    assert answer_speed.summary([numbers(2.0), {"failed": "no memory"}]) == {"failed": "no memory"}


def test_a_side_that_fails_says_why_in_its_last_line() -> None:
    assert answer_speed.why(
        1, f"Traceback\n  at {answer_speed.REPOSITORY}/x\nbench: no {answer_speed.REPOSITORY}/y\n\n"
    ) == ("bench: no /y")
    assert answer_speed.why(2, "") == "exit code 2"
    assert answer_speed.why(-9, "said").startswith("ended by signal 9, as the system does where the memory")
    assert answer_speed.why(-15, "said") == "ended by signal 15"


def test_masks_are_compared_with_those_of_pytorch_and_with_the_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_set(tmp_path / "data")
    monkeypatch.setattr(answer_speed, "prepared", lambda _: data)
    monkeypatch.setattr(answer_speed, "ANSWERS", tmp_path / "answers")
    for place, path in enumerate(sorted((data / "val" / "masks").glob("*.png"))):
        mask = read_index(path)
        halves = mask.copy()
        halves[: len(mask) // 2] = 1 - mask[: len(mask) // 2]
        for side, answer in {"pytorch": mask, "smalta": halves, "smp": 1 - mask}.items():
            folder = tmp_path / "answers" / "480x360" / side / "classes"
            folder.mkdir(parents=True, exist_ok=True)
            write_index(folder / f"{place:04d}.png", answer)
    only_here = tmp_path / "answers" / "480x360" / "smalta" / "classes" / "0002.png"
    write_index(only_here, np.zeros((96, 128), np.uint8))

    told = answer_speed.agreement("480x360", ["smalta", "smp", "pytorch"])

    assert told["pytorch"] == {"compared": 2, "equal_pixels": 1.0, "mean_iou": 1.0}
    assert (told["smalta"]["compared"], told["smalta"]["equal_pixels"]) == (2, 0.5)
    assert told["smalta"]["mean_iou"] < 0.5
    assert "smp" not in told
    assert answer_speed.agreement("480x360", ["smalta"]) == {}
    assert answer_speed.agreement("1024x2048", ["pytorch"]) == {}  # nothing was answered


def test_ratios_are_taken_round_by_round_and_only_where_both_sides_ran() -> None:
    rates = {"smalta": [8.0, 6.0, 9.0], "smalta_fp32": [1.0, 1.0, 1.0], "smp": [1.0, 2.0, 2.0], "openvino": []}

    assert answer_speed.ratios(rates) == {"smp": {"ratio": 4.5, "range": [3.0, 8.0]}}
    assert answer_speed.ratios(rates | {"smalta": []}) == {}


def test_a_mosaic_fills_its_sides_with_whole_pictures_and_cuts_the_last(tmp_path: Path) -> None:
    for value in (50, 200):
        write_picture(tmp_path / f"{value}.png", np.full((4, 6, 3), value, np.uint8))

    canvas = answer_speed.mosaic(sorted(tmp_path.glob("*.png")), (10, 13), seed=0)

    assert canvas.shape == (10, 13, 3)
    for y in (0, 4, 8):
        for x in (0, 6, 12):
            assert np.unique(canvas[y : y + 4, x : x + 6]).tolist() in ([50], [200])
    assert set(np.unique(canvas).tolist()) == {50, 200}


@pytest.mark.parametrize(("clock", "done"), [(1.0, [1, 1, 2]), (0.0625, [1, 1, 4, 16])])
def test_as_many_pictures_are_timed_as_fit_into_the_time(
    clock: float, done: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    now = [0.0]

    def answer(pictures: Any, out: Path) -> None:
        seen.append(len(pictures))
        now[0] += clock * len(pictures)

    monkeypatch.setattr(answering.time, "perf_counter", lambda: now[0])

    told = answering.timed(answer, [Path(f"{i}.png") for i in range(40)], tmp_path / "out", 1.0)

    assert seen == done
    assert told["pictures"] == done[-1]
    assert told["pictures_per_second"] == 1 / clock


def test_a_plain_loop_writes_masks_in_the_users_numbers(tmp_path: Path) -> None:
    tree = ClassTree({"dark": {"ids": [7]}, "bright": {"ids": [3]}})
    write_picture(tmp_path / "a.png", np.array([[[0] * 3, [255] * 3]], np.uint8))

    answering.plain_loop(lambda picture: (picture[..., 0] > 100).astype(int), tree)(
        [tmp_path / "a.png"], tmp_path / "out"
    )

    assert read_index(tmp_path / "out" / "classes" / "a.png").tolist() == [[7, 3]]


def test_growth_is_the_exponent_of_the_seconds_that_are_not_start() -> None:
    sides = [100, 200, 400]
    linear = [3 + side * side / 1000 for side in sides]
    steeper = [3 + (side * side) ** 1.5 for side in sides]

    assert answer_memory.growth(sides, linear, 3.0) == 1.0
    assert answer_memory.growth(sides, steeper, 3.0) == 1.5
    assert answer_memory.growth(sides[:1], linear[:1], 3.0) is None


def test_pictures_are_judged_by_limit_and_growth_from_4096_pixels_on() -> None:
    rows = [
        {"side": side, "seconds": side * side / 1e6, "peak_bytes": peak}
        for side, peak in ((2048, 40), (4096, 80), (8192, 100), (20_000, 90))
    ]

    told = answer_memory.judged({"seconds": 0.0}, rows, 100)
    over = answer_memory.judged({"seconds": 0.0}, [*rows, {"side": 20_001, "failed": "no memory"}], 99)

    assert told == {"exponent": 1.0, "peak_growth": 1.25, "within_limit": True, "all_done": True}
    assert (over["within_limit"], over["all_done"]) == (False, False)
    assert answer_memory.judged({"failed": "x"}, [{"side": 1, "failed": "x"}], 1)["within_limit"] is False


def test_a_large_picture_is_tiled_and_of_the_side_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_memory, "WORK", tmp_path)
    monkeypatch.setattr(answer_memory, "TILE", 64)

    path = answer_memory.make_picture(150)

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        assert (page.shape, page.is_tiled, page.tile) == ((150, 150, 3), True, (64, 64))
        assert len({page.asarray()[y : y + 20, x : x + 20].tobytes() for y in (0, 64) for x in (0, 64)}) > 1
    assert [file.name for file in path.parent.iterdir()] == ["150.tif"]


def test_the_watcher_tells_time_peak_and_exit_code_of_a_command() -> None:
    code = "import sys; big = bytearray(80_000_000); sys.exit(3)"

    said = subprocess.run(
        [sys.executable, "-c", answer_memory.WATCH, sys.executable, "-c", code], capture_output=True, check=True
    ).stdout

    told = json.loads(said)
    assert told["code"] == 3
    assert 80e6 < told["peak_bytes"] < 120e6
    assert 0 < told["seconds"] < 60


def test_the_start_is_told_by_its_median_and_range() -> None:
    row = start_up.told([0.25, 0.5, 0.125])

    assert row == {"seconds": 0.25, "range": [0.125, 0.5], "n": 3}
    assert start_up.sentence({"smalta --help": row}).endswith("`smalta --help` 0.25 s (0.12 to 0.50)")


def test_the_start_of_a_process_is_measured() -> None:
    assert 0 < start_up.seconds_of([sys.executable, "-c", "pass"]) < 60
    with pytest.raises(subprocess.CalledProcessError):
        start_up.seconds_of([sys.executable, "-c", "raise SystemExit(1)"])
