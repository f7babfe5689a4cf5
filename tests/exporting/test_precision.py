from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from rich.console import Console

from smalta.cli import main
from smalta.description.model_info import Precision
from smalta.errors import ConfigError
from smalta.exporting import onnx_export as exporting
from smalta.exporting.onnx_export import export
from smalta.exporting.precision import Choice, Measured, Wanted
from smalta.exporting.quantise import what_lacks
from smalta.inference.predictor import load
from smalta.planning.work_of import work_of_model
from smalta.report.precision_table import precision_table
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.open_vino import OpenVino
from smalta.runtimes.ort_cpu import OrtCpu

needs_nncf = pytest.mark.skipif(what_lacks() is not None, reason="needs the extra int8")


def measured(precision: Precision, ms: float, own_ms: float | None = None, **scores: float) -> Measured:
    own = 2 * ms if own_ms is None else own_ms
    return Measured(precision=precision, seconds=ms / 1000, processor_seconds=own / 1000, scores=scores)


def choice(wanted: Wanted, *found: Measured, left_out: Mapping[Precision, str] | None = None) -> Choice:
    return Choice(
        wanted=wanted,
        measured=found,
        judged="2 validation pictures of x",
        size_hw=(72, 96),
        runtime="R",
        left_out=left_out or {},
    )


EXACT = measured("fp32", 30, mean_iou=0.70, pq=0.50)


def test_auto_keeps_the_fastest_whose_every_score_holds() -> None:
    bf16 = measured("bf16", 20, mean_iou=0.699, pq=0.496)  # 0.1 and 0.4 points
    objects_lost = measured("int8", 10, mean_iou=0.71, pq=0.49)  # 1.0 points of PQ

    assert choice("auto", EXACT, bf16, objects_lost).kept is bf16
    assert choice("auto", EXACT, bf16, measured("int8", 10, mean_iou=0.70, pq=0.50)).kept.precision == "int8"
    assert choice("auto", EXACT, objects_lost).kept is EXACT
    assert choice("auto", EXACT, measured("bf16", 31, mean_iou=0.7, pq=0.5)).kept is EXACT


def test_auto_keeps_fp32_unless_another_gains_by_the_clock_and_in_processor_time() -> None:
    little = choice("auto", EXACT, measured("int8", 26, mean_iou=0.70, pq=0.50))
    busy_neighbour = choice("auto", EXACT, measured("int8", 10, 60, mean_iou=0.70, pq=0.50))

    assert little.kept is busy_neighbour.kept is EXACT
    assert little.reason == (
        "fp32 is chosen: no other one is at least 1.2 times as fast, by the clock and in processor time, with scores "
        "that fall by at most 0.5 points"
    )


def test_what_was_ordered_is_kept_and_a_large_drop_is_said() -> None:
    bad = choice("int8", EXACT, measured("int8", 10, mean_iou=0.68, pq=0.50))
    good = choice("int8", EXACT, measured("int8", 10, mean_iou=0.70, pq=0.53))

    assert bad.kept.precision == good.kept.precision == "int8"
    assert bad.reason == (
        "int8 was requested; a score falls by 2.00 points, more than the 0.5 that --precision auto allows"
    )
    assert good.reason == "int8 was requested; no score falls by more than 0.00 points"


def test_the_table_shows_scores_drops_times_and_what_was_not_tried() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(
        precision_table(
            choice("auto", EXACT, measured("bf16", 20, mean_iou=0.699, pq=0.5), left_out={"int8": "nncf [x] lacks"})
        )
    )

    shown = console.export_text()
    for text in ("mean IoU, %", "PQ, %", "70.00", "69.90", "0.10", "30.0", "20.0", "72 x 96", "bf16 is chosen"):
        assert text in shown
    assert "int8 was not tried: nncf [x] lacks" in shown


@pytest.fixture(scope="module")
def int8(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Choice]:
    """The exported model of a training in int8, and what was measured."""
    path = tmp_path_factory.mktemp("int8") / "model.onnx"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        found = export(run, path, precision="int8").choice
    assert found is not None
    assert said.getvalue() == ""  # NNCF has a log and bars of its own
    return path, found


@needs_nncf
def test_an_int8_file_says_what_it_is_and_what_it_costs(int8: tuple[Path, Choice], discs: Path) -> None:
    path, found = int8
    of_file = load(path)

    assert of_file.info.precision == "int8"
    stated = of_file.facts["export"]["precision"]
    assert stated["kept"] == "int8"
    assert [one["precision"] for one in stated["measured"]] == ["fp32", "int8"]
    assert stated["judged"] == f"2 validation pictures of {discs.name}"
    assert stated == json.loads(json.dumps(found.to_dict()))
    assert all(one["seconds"] > 0 and 0 <= one["scores"]["mean_iou"] <= 1 for one in stated["measured"])
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= operators


@needs_nncf
def test_both_runtimes_answer_an_int8_file_nearly_as_the_exact_one(
    int8: tuple[Path, Choice], run: Path, tmp_path: Path
) -> None:
    export(run, tmp_path / "exact.onnx")
    content = (tmp_path / "exact.onnx").read_bytes()
    picture = np.random.default_rng(0).integers(0, 256, (1, 72, 96, 3), dtype=np.uint8)
    exact = OpenVino(content, examine(content), outputs=["semantic"]).maps(picture)["semantic"]

    reduced = int8[0].read_bytes()
    for runtime in (OpenVino, OrtCpu):
        answer = runtime(reduced, examine(reduced), outputs=["semantic"]).maps(picture)["semantic"]
        assert 0 < np.abs(answer - exact).max() < 0.1


@needs_nncf
def test_an_int8_file_answers_without_pytorch_and_nncf_installed(int8: tuple[Path, Choice]) -> None:
    code = """
        import sys

        absent = ("torch", "torchvision", "timm", "lightning_fabric", "nncf")
        sys.modules.update(dict.fromkeys(absent))  # an import of None fails as that of a package that is not there

        import numpy as np
        import smalta

        picture = np.random.default_rng(0).integers(0, 256, (72, 96, 3), dtype=np.uint8)
        by_openvino = smalta.load(sys.argv[1])(picture).probabilities
        sys.modules["openvino"] = None
        by_onnxruntime = smalta.load(sys.argv[1])(picture).probabilities
        assert 0 < np.abs(by_openvino - by_onnxruntime).max() < 0.1  # never the same to the last digit
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(int8[0])], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@needs_nncf
def test_the_work_of_an_int8_file_is_that_of_the_exact_one(
    int8: tuple[Path, Choice], run: Path, tmp_path: Path
) -> None:
    export(run, tmp_path / "exact.onnx")
    contents = [path.read_bytes() for path in (tmp_path / "exact.onnx", int8[0])]

    exact, reduced = (work_of_model(content, examine(content), (128, 128)) for content in contents)

    assert reduced.precisions == ("int8",)
    ours, theirs = reduced.workloads[32], exact.workloads[32]
    assert ours.operations == pytest.approx(theirs.operations, rel=0.01)
    assert ours.moved == pytest.approx(theirs.moved, rel=0.02)
    assert ours.live_bytes == pytest.approx(theirs.live_bytes, rel=0.01)


def test_without_the_data_set_only_fp32_can_be_had(
    monkeypatch: pytest.MonkeyPatch, run: Path, discs: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(exporting, "multiplies_bf16", lambda: True)
    moved = shutil.copytree(run, tmp_path / "moved")
    settings = json.loads((moved / "settings.json").read_text())
    (moved / "settings.json").write_text(json.dumps(settings | {"data": str(tmp_path / "gone")}))

    with pytest.raises(ConfigError, match=r"'bf16' is judged .* but .*gone is not a folder.*--data, or use --precis"):
        export(moved, tmp_path / "model.onnx", precision="bf16")

    assert not (tmp_path / "model.onnx").exists()
    assert export(moved, tmp_path / "model.onnx", data=discs).parity.pictures.startswith("2 validation pictures of")


def test_what_cannot_be_made_here_is_an_error_if_ordered_and_left_out_by_auto(
    monkeypatch: pytest.MonkeyPatch, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exporting, "multiplies_bf16", lambda: False)
    monkeypatch.setattr(exporting, "what_lacks", lambda: "nncf not installed; run `pip install 'smalta[int8]'`")
    out = tmp_path / "model.onnx"

    with pytest.raises(ConfigError, match="'bf16' cannot be made here: this processor does not multiply in bf16"):
        export(run, out, precision="bf16")
    with pytest.raises(ConfigError, match=r"'int8' cannot be made here: nncf not installed; run `pip .*fp32"):
        export(run, out, precision="int8")
    with pytest.raises(ConfigError, match="precision must be one of fp32, bf16, int8, auto, got 'int4'"):
        export(run, out, precision="int4")  # type: ignore[arg-type]
    assert main(["export", str(run), "--out", str(out), "--precision", "auto"]) == 0

    said = capsys.readouterr().out
    assert "int8 was not tried: nncf not installed; run `pip install 'smalta[int8]'`" in said
    assert "fp32 is chosen: no other precision could be tried" in said
    assert load(out).info.precision == "fp32"
