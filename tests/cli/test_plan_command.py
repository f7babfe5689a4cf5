"""`smalta info` and `smalta plan` in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from machines import TWO_CORES
from small_models import save_random_model
from smalta.cli import main
from smalta.cli.plan import height_width
from smalta.errors import ConfigError
from smalta.planning.plan import Plan
from smalta.system.counters import CacheCounts


@pytest.fixture(autouse=True)
def round_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalta.planning.machine.this_machine", lambda *, refresh=False: TWO_CORES)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model(tmp_path_factory.mktemp("models") / "run")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_info_shows_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "info")
    assert code == 0
    assert "100 GFLOP/s" in out

    code, out, _ = said(capsys, "info", "--json")
    assert json.loads(out) == json.loads(json.dumps(TWO_CORES.to_dict()))


def test_a_run_is_planned_for_a_size_and_drawn(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    code, out, _ = said(capsys, "plan", run, "--size", "96x128", "--plot", tmp_path / "plan.svg")

    assert code == 0
    assert "prediction for pictures of 96 x 128 px" in out
    assert "rejected" in out
    assert (tmp_path / "plan.svg").is_file()


def test_layers_are_shown_and_in_the_json(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    code, out, _ = said(capsys, "plan", run, "--size", "64", "--layers")
    assert code == 0
    assert "depthwise" in out
    assert "again: maps that the last cache has evicted" in " ".join(out.split())

    code, out, _ = said(capsys, "plan", run, "--size", "64", "--layers", "--json")
    told = json.loads(out)
    layers = told.pop("layers")
    assert Plan.from_dict(told).caches["moved"] == pytest.approx(sum(layer["moved"] for layer in layers))
    assert sum(layer["seconds"] for layer in layers) == pytest.approx(told["latency_seconds"])
    assert {"kind", "name", "forward", "backward", "working_set", "served", "loaded_again"} <= layers[0].keys()


def test_counters_are_shown_beside_the_prediction(
    capsys: pytest.CaptureFixture[str], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(call: Callable[[], object]) -> CacheCounts:
        call()
        return CacheCounts(l1_reads=1e6, l1_misses=1e4, last_reads=2e3, last_misses=1e2)

    monkeypatch.setattr("smalta.inference.trial.count_caches", count)

    code, out, _ = said(capsys, "plan", run, "--size", "64", "--counters")

    assert code == 0
    assert "hits in L1" in out
    assert "99.0 %" in out
    _, out, _ = said(capsys, "plan", run, "--size", "64", "--counters", "--json")
    assert json.loads(out)["counters"]["last_misses"] == 100


def test_counters_that_cannot_be_read_are_a_note(
    capsys: pytest.CaptureFixture[str], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(call: Callable[[], object]) -> CacheCounts:
        raise ConfigError("hardware counters are not allowed: set something")

    monkeypatch.setattr("smalta.inference.trial.count_caches", refuse)

    code, out, _ = said(capsys, "plan", run, "--size", "64", "--counters")

    assert code == 0
    assert "note hardware counters are not allowed: set something" in out


def test_counters_need_a_model(capsys: pytest.CaptureFixture[str], discs: Path) -> None:
    code, _, err = said(capsys, "plan", discs, "--counters")

    assert code == 1
    assert "--counters runs a trained model on the processor; give a run folder or a .onnx file" in err


def test_a_data_set_is_planned_as_training(capsys: pytest.CaptureFixture[str], discs: Path) -> None:
    code, out, _ = said(capsys, "plan", discs, "--json")

    made = Plan.from_dict(json.loads(out))
    assert code == 0
    assert (made.task, made.size_hw, made.batch) == ("training", (96, 96), 4)  # of 72 x 96 px, four pictures


def test_a_card_that_is_not_there_can_be_supposed(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    code, out, _ = said(capsys, "plan", run, "--size", "2048", "--what-if", "h100", "--json")

    assert code == 0
    assert json.loads(out)["device"] == "cuda"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (("--size", "12by13"), "'12by13' is not the size of a picture; write it as HEIGHTxWIDTH, such as 480x640"),
        (("--memory", "much"), "'much' is not a size of memory; write it as 512MB or 2GB"),
        (("--memory", "1KB"), "a memory limit of 1 KiB is too low"),
        (("--latency", "0"), "the limit latency_seconds must be above 0 and finite"),
        (("--device", "tpu"), "device must be 'auto', 'cpu' or 'cuda', got 'tpu'"),
        (("--device", "cuda"), "this machine has no CUDA device"),
        (("--what-if", "voodoo"), "the GPU 'voodoo' is unknown; published numbers exist for"),
        (("--plot", "plan.gif"), "the file of a drawing must end in .png or .svg"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], run: Path, told: tuple[str, ...], sentence: str
) -> None:
    code, _, err = said(capsys, "plan", run, "--size", "64", *told)

    assert code == 1
    assert sentence in err
    assert err.count("\n") == 1


def test_a_path_that_is_nothing_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = said(capsys, "plan", tmp_path / "nothing")

    assert code == 1
    assert err.startswith("smalta: ")


def test_sizes_of_pictures_are_height_first_and_one_number_is_a_square() -> None:
    assert height_width("480x640") == (480, 640)
    assert height_width("512") == (512, 512)
    for text in ("0x5", "5x0", "x5", "5x", "5x5x5"):
        with pytest.raises(ConfigError, match="is not the size of a picture"):
            height_width(text)


def test_info_and_the_plan_of_an_exported_model_need_no_pytorch(run: Path, tmp_path: Path) -> None:
    from smalta.exporting.onnx_export import export

    export(run, tmp_path / "model.onnx")
    program = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'timm', 'lightning_fabric'): sys.modules[name] = None\n"
        "import smalta.planning.rates; smalta.planning.rates._SECONDS = 0.002\n"
        "from smalta.cli import main\n"
        f"sys.exit(main(['info']) or main(['plan', {str(tmp_path / 'model.onnx')!r}, '--size', '64x96']))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "prediction for pictures of 64 x 96 px" in done.stdout
