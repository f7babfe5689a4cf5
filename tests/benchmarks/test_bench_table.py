from typing import Any

import pytest
from bench import table

from smalta.errors import DataError


def result(value: float | None, scope: str = "level 1", measure: str = "mean_iou") -> dict[str, Any]:
    return {
        "minutes": 30,
        "pictures": {"train": 367, "val": 101},
        "headline": [
            {"measure": measure, "scope": scope, "value": value, "interval": [0.6, 0.7] if value else None},
            {"measure": measure, "scope": "a later one", "value": 0.1, "interval": [0.0, 0.2]},
        ],
        "load": {"other_cores": 0.1},
        "machine": {"cpu": "Z80", "cores": 2, "date": "2030-01-02 03:04 UTC"},
    }


def test_a_row_shows_both_programs_with_their_intervals_and_the_command() -> None:
    text = table.table({"camvid_smalta": result(0.654321), "camvid_smp": result(0.5)})

    assert (
        "| 367, 101 val | 30 | mIoU 0.654 (0.600 to 0.700) | mIoU 0.500 (0.600 to 0.700) "
        "| `python -m bench.segment camvid` |"
    ) in text
    assert "Made 2030-01-02 on Z80, 2 cores. Other programs kept 0.1 to 0.1 cores busy meanwhile." in text


def test_a_program_that_has_not_run_gets_a_dash() -> None:
    assert "| – | mIoU 0.500" in table.table({"camvid_smp": result(0.5)})


def test_the_doctor_and_the_speed_stand_below_the_table() -> None:
    speed = result(0.5) | {"sentence": "Twice as fast", "command": "python -m bench.train_speed"}
    check = {"cases": [{}, {}, {}], "wrong": 1}

    text = table.table({"camvid_smalta": result(0.5), "train_speed": speed, "check": check})

    assert "- Twice as fast (`python -m bench.train_speed`)" in text
    assert "2 of 3 cases as expected" in text


def test_nuclei_have_a_table_of_their_own_with_one_row_per_program() -> None:
    def of(value: float, rate: float, data: str = "nuclei") -> dict[str, Any]:
        line = {"value": value, "interval": [value / 2, value]}
        return result(None) | {
            "data": data,
            "pictures": {"train": 3, "val": 1, "test": 2},
            "minutes": 15.0,
            "scores": {"all": dict.fromkeys(table.OBJECTS, line)},
            "prediction": {"pictures_per_second": rate},
        }

    dealt = of(0.75, 20.0, "nuclei_by_picture")
    text = table.table(
        {"nuclei_yolo": of(0.25, 8.04), "nuclei_smalta": of(0.5, 20.0), "nuclei_by_picture_smalta": dealt}
    )

    families, by_picture = (line for line in text.splitlines() if "DSB2018, 3 train, 2 test pictures" in line)
    assert "small families in one part only, 15 minutes each (`python -m bench.nuclei`)" in families
    assert "picture by picture, 15 minutes each (`python -m bench.nuclei --data nuclei_by_picture`)" in by_picture
    rows = [line for line in text.splitlines() if line.startswith(("| smalta", "| yolo11n-seg"))]
    three, one = "0.500 (0.250 to 0.500)", "0.5 (0.2 to 0.5)"
    assert rows[0] == f"| smalta | {three} | {three} | {three} | {three} | {one} | 20.0 |"
    assert rows[1].endswith("| 0.2 (0.1 to 0.2) | 8.0 |")
    assert rows[2].startswith("| smalta | 0.750")


def test_no_results_are_an_error_that_says_what_to_run() -> None:
    with pytest.raises(DataError, match=r"run `python -m bench.segment all` first"):
        table.table({})


def test_the_table_replaces_what_stood_between_the_markers_and_nothing_else() -> None:
    readme = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"

    assert table.insert(readme, "new") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    assert table.insert(table.insert(readme, "x"), "new") == table.insert(readme, "new")


@pytest.mark.parametrize("readme", ["none", f"{table.END} {table.BEGIN}", f"{table.BEGIN} {table.BEGIN} {table.END}"])
def test_a_readme_without_its_markers_is_refused(readme: str) -> None:
    with pytest.raises(DataError, match=r"docs/benchmarks.md must hold"):
        table.insert(readme, "new")


def test_answering_has_a_row_per_size_with_ratios_and_says_what_failed() -> None:
    sides = {
        "smalta": {
            "pictures_per_second": 48.04,
            "network": {"share_of_peak": 0.432, "precision": "bf16"},
            "mean_iou": 0.76543,
        },
        "smp": {"pictures_per_second": 5.0},
        "pytorch": {"failed": "the memory did not suffice"},
    }
    ratios = {"smp": {"ratio": 9.61, "range": [9.0, 10.25]}}
    speed = result(None) | {
        "command": "python -m bench.answer_speed",
        "model": "one",
        "rounds": 3,
        "sizes": {"480x360": {"sides": sides, "ratios": ratios}},
    }

    lines = table.table({"answer_speed": speed}).splitlines()

    assert (
        "| pictures | smalta | smp's Unet, PyTorch | our network, PyTorch | network alone, share of the peak rate |"
        in lines
    )
    assert "| 480x360 | 48 | 5 (9.6, 9.0 to 10.2) | – | 43% of bf16 |" in lines
    assert "- our network, PyTorch on 480x360: the memory did not suffice." in lines
    assert "- mIoU of these masks on CamVid's val pictures, one network (one): smalta 0.765." in lines


def test_large_pictures_have_a_row_per_side_with_seconds_and_peak_of_each_model() -> None:
    def of(**row: Any) -> dict[str, Any]:
        return {"pictures": [{"side": 20_000} | row], "exponent": None, "peak_growth": None}

    grown = {"exponent": 1.012, "peak_growth": 1.04}
    models = {"semantic": of(seconds=61.24, peak_bytes=2**30) | grown, "objects": of(failed="too large")}
    memory = result(None) | {"command": "python -m bench.answer_memory", "memory": "1GB", "models": models}

    lines = table.table({"answer_memory": memory}).splitlines()

    assert "| pixels a side | 11 classes | with objects |" in lines
    assert "| 20,000 | 61.2 s, 1,024 MiB | too large |" in lines
    assert (
        "- Growth, 11 classes: seconds as pixels to the power of 1.01, peak from 4,096 pixels on 1.04 times."
    ) in lines
