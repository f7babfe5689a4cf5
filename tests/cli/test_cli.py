"""The command line in this process: exit codes, what is said where, files on the disk."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labelled_sets import write_picture, write_set
from small_models import save_random_model
from smalta.classes import ClassTree
from smalta.cli import main
from smalta.model.storage import load_tensors, save_tensors
from smalta.pictures.reading import read_index
from smalta.training.learner import Learner
from tiny_runs import events, state

TINY = ["--encoder", "plain", "--crop", "64", "--batch", "2", "--width", "12", "--stride", "4", "--device", "cpu"]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line; gives exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


Cli = Callable[..., tuple[int, str, str]]


def assert_refused(result: tuple[int, str, str], sentence: str) -> None:
    """Exit code 1, nothing but one sentence on stderr."""
    code, _, error = result
    assert code == 1
    assert sentence in error
    assert error.startswith("smalta: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error


# -- the door -----------------------------------------------------------------------------------------


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys; from smalta.cli import main; assert main(['--help']) == 0; assert main(['train', '--help']) == 0; "
        "sys.exit(sorted({'torch', 'cv2', 'scipy', 'timm', 'numpy'} & sys.modules.keys()) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    for command in ("train", "evaluate", "predict", "check", "demo"):
        assert command in done.stdout


def test_the_version_is_told(cli: Cli) -> None:
    code, said, _ = cli("--version")

    assert (code, said.split()[0]) == (0, "smalta")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["train"],
        ["train", "data"],
        ["train", "data", "--out", "run", "--steps", "many"],
        ["predict", "run", "--out", "there"],
        ["evaluate", "run", "data", "--bogus"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str], cli: Cli) -> None:
    code, said, error = cli(*arguments)

    assert (code, said) == (2, "")
    assert error


def test_ctrl_c_is_exit_code_130(cli: Cli, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "update", stop)

    code, _, error = cli("train", discs, "--out", tmp_path / "run", "--steps", 4, *TINY)

    assert code == 130
    assert error.strip() == "smalta: stopped; what was finished is kept (train and predict go on with --resume)"


# -- train --------------------------------------------------------------------------------------------


def test_train_says_what_it_reached_and_what_to_do_next(cli: Cli, discs: Path, tmp_path: Path) -> None:
    code, said, error = cli("train", discs, "--out", tmp_path / "run", "--steps", 2, *TINY)

    assert (code, error) == (0, "")
    assert "step 1: validation mIoU 0." in said
    assert "2 steps in" in said
    assert f"the model is {tmp_path / 'run' / 'model.safetensors'}" in said
    assert f"next: smalta evaluate {tmp_path / 'run'} {discs} --split val" in said


def test_train_in_quiet_says_nothing_and_resumes(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    assert cli("train", discs, "--out", tmp_path / "run", "--steps", 2, "--quiet", *TINY) == (0, "", "")
    assert cli("train", discs, "--out", tmp_path / "run", "--steps", 3, "--resume", "-q") == (0, "", "")

    assert state(tmp_path / "run")[1]["step"] == 3


def test_train_in_minutes_makes_steps_and_a_model(cli: Cli, discs: Path, tmp_path: Path) -> None:
    assert cli("train", discs, "--out", tmp_path / "run", "--minutes", 0.02, "--quiet", *TINY) == (0, "", "")

    assert state(tmp_path / "run")[1]["step"] >= 1
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert events(tmp_path / "run", "validation")


def test_train_takes_a_classes_file_and_a_seed(cli: Cli, discs: Path, tmp_path: Path) -> None:
    classes = tmp_path / "mine.yaml"
    classes.write_text("classes: {rest: {ids: [0]}, thing: {ids: [1]}}")

    arguments = ["--steps", 1, "--classes", classes, "--seed", 5, "--no-pretrained", "--quiet"]
    assert cli("train", discs, "--out", tmp_path / "run", *arguments, *TINY)[0] == 0

    assert "thing" in (tmp_path / "run" / "classes.yaml").read_text()
    told = json.loads((tmp_path / "run" / "settings.json").read_text())["settings"]
    assert (told["seed"], told["pretrained"]) == (5, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give --minutes M or --steps N"),
        (["--steps", "3", "--minutes", "1"], "give --minutes M or --steps N"),
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--steps", "1", "--device", "gpu"], "device must be 'auto', 'cpu' or 'cuda', got 'gpu'"),
        (["--steps", "1", "--crop", "50"], "crop must be a multiple of 32 pixels"),
        (["--steps", "1", "--stride", "0"], "stride must be 1, 2 or 4, got 0"),
        (["--steps", "1", "--encoder", "resnt18"], "names like it are resnet18"),
        (["--steps", "1", "--resume"], "holds no run to resume"),
        (["--steps", "1", "--classes", "none.yaml"], "none.yaml cannot be read as text"),
    ],
)
def test_train_refuses_what_cannot_be(
    arguments: list[str], sentence: str, cli: Cli, discs: Path, tmp_path: Path
) -> None:
    assert_refused(cli("train", discs, "--out", tmp_path / "run", "--quiet", *arguments), sentence)


def test_train_refuses_folders_and_data_that_cannot_be_used(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    broken = write_set(tmp_path / "data")
    write_picture(broken / "train" / "masks" / "p0.png", np.full((72, 96), 200, np.uint8))

    steps = ["--steps", 1, "--quiet", *TINY]
    assert_refused(cli("train", discs, "--out", run, *steps), "is not empty; name a new folder with --out")
    assert_refused(cli("train", tmp_path / "none", "--out", tmp_path / "run", *steps), "is not a folder")
    assert_refused(cli("train", broken, "--out", tmp_path / "run", *steps), "would teach a wrong model")


# -- evaluate -----------------------------------------------------------------------------------------


def test_evaluate_prints_a_table_and_writes_all_numbers(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "numbers.json"

    code, said, error = cli("evaluate", run, discs, "--split", "val", "--json", file)

    assert (code, error) == (0, "")
    assert "disc" in said
    numbers = json.loads(file.read_text())
    assert (numbers["split"], numbers["n_pictures"]) == ("val", 2)
    assert 0 <= numbers["binary"]["thresholds"][0]["f1"] <= 1


def test_evaluate_refuses_a_split_or_a_model_that_is_not_there(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    assert_refused(cli("evaluate", run, discs), "has no split 'test'; its splits are train, val")
    assert_refused(cli("evaluate", tmp_path, discs, "--split", "val"), "does not exist; name a folder that")


@pytest.mark.parametrize("settings", [{"seed": "seven"}, {"seed": None}, {"seed": 1.5}, [7], "seed"])
def test_evaluate_refuses_a_model_whose_seed_is_no_number(
    cli: Cli, discs: Path, tmp_path: Path, settings: object
) -> None:
    file = save_random_model(tmp_path) / "model.safetensors"
    tensors, header = load_tensors(file)
    save_tensors(file, tensors, header | {"facts": {"settings": settings}})

    assert_refused(cli("evaluate", tmp_path, discs, "--split", "val"), "not a whole number; name it with --seed")


# -- predict ------------------------------------------------------------------------------------------


def test_predict_writes_a_class_map_per_picture_in_the_users_values(cli: Cli, discs: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "data", value=200)  # masks hold 0 and 200
    assert cli("train", data, "--out", tmp_path / "run", "--steps", 4, "--quiet", *TINY)[0] == 0

    code, said, error = cli("predict", tmp_path / "run", discs / "val" / "images", "--out", tmp_path / "out")

    assert (code, error) == (0, "")
    assert f"2 of 2 pictures are in {tmp_path / 'out' / 'classes'}" in said
    values = [read_index(tmp_path / "out" / "classes" / name) for name in ("p100.png", "p101.png")]
    assert all(array.shape == (72, 96) for array in values)
    assert set(np.unique(values)) <= {0, 200}


def test_predict_goes_on_past_a_broken_picture_and_ends_with_exit_code_1(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    pictures = shutil.copytree(discs / "train" / "images", tmp_path / "pictures")
    (pictures / "p1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")

    code, said, error = cli("predict", run, pictures / "*.png", "--out", tmp_path / "out")

    assert code == 1
    assert error.count("\n") == 1
    assert error.startswith("smalta: ")
    assert "p1.png" in error
    assert "3 of 4 pictures" in said
    assert {p.name for p in (tmp_path / "out" / "classes").iterdir()} == {"p0.png", "p2.png", "p3.png"}


def test_predict_writes_overlays_and_probabilities_where_asked(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    picture = discs / "val" / "images" / "p100.png"

    said = cli("predict", run, picture, "--out", tmp_path / "a", "--overlay", "--probabilities", "--quiet")
    cli("predict", run, picture, "--out", tmp_path / "b", "--probabilities", "--channels-last", "--quiet")

    assert said == (0, "", "")
    assert (tmp_path / "a" / "overlays" / "p100.png").is_file()
    for folder, shape in (("a", (2, 72, 96)), ("b", (72, 96, 2))):
        with np.load(tmp_path / folder / "probabilities" / "p100.npz") as file:
            assert (file["probabilities"].shape, file["probabilities"].dtype) == (shape, np.float16)
            assert file["classes"].tolist() == ["ground", "disc"]


def test_predict_leaves_unsure_pixels_unlabelled(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    picture = discs / "val" / "images" / "p100.png"

    assert (
        cli("predict", run, picture, "--out", tmp_path / "out", "--min-confidence", "1.0", "--level", 1, "-q")[0] == 0
    )

    assert set(np.unique(read_index(tmp_path / "out" / "classes" / "p100.png"))) <= {0, 1, 255}
    assert (read_index(tmp_path / "out" / "classes" / "p100.png") == 255).mean() > 0.5


def test_predict_answers_in_the_kind_of_the_model_or_in_the_one_that_is_asked_for(
    cli: Cli, discs: Path, tmp_path: Path
) -> None:
    tree = ClassTree({"ground": {}, "road": {}, "disc": {"kind": "thing"}})
    model = save_random_model(tmp_path / "run", tree, objects=True)
    picture = discs / "val" / "images" / "p100.png"

    for kind, name in (("auto", "own"), ("instance", "instance"), ("semantic", "plain")):
        assert cli("predict", model, picture, "--out", tmp_path / name, "--kind", kind, "-q") == (0, "", "")

    assert "objects.csv lists the objects" in cli("predict", model, picture, "--out", tmp_path / "told")[1]
    plain = {"classes", "classes.json", "manifest.jsonl", "plan.json"}
    assert {path.name for path in (tmp_path / "plain").iterdir()} == plain
    assert {path.name for path in (tmp_path / "instance").iterdir()} == plain | {"instances", "objects.csv"}
    assert (tmp_path / "own" / "panoptic.json").is_file()


def test_count_prints_a_table_or_json_and_writes_a_file(cli: Cli, discs: Path, tmp_path: Path) -> None:
    model = save_random_model(tmp_path / "run", ClassTree({"ground": {}, "disc": {"kind": "thing"}}), objects=True)
    pictures = discs / "val" / "images"

    code, said, error = cli("count", model, pictures, "--out", tmp_path / "counts.csv")
    as_json = cli("count", model, pictures, "--json")

    assert (code, error) == (0, "")
    assert "Objects per picture" in said
    assert "no intervals of counts: the model was trained without" in said
    assert (tmp_path / "counts.csv").read_text().splitlines()[0] == "picture,class,level,count,low,high"
    assert [row["counts"][0]["class"] for row in json.loads(as_json[1])["pictures"]] == ["disc", "disc"]


def test_count_goes_on_past_a_broken_picture_and_refuses_a_model_without_objects(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    model = save_random_model(tmp_path / "run", ClassTree({"ground": {}, "disc": {"kind": "thing"}}), objects=True)
    pictures = shutil.copytree(discs / "val" / "images", tmp_path / "pictures")
    (pictures / "p1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")

    code, said, error = cli("count", model, pictures, "--json")

    assert code == 1
    assert error.startswith("smalta: ")
    assert "p1.png" in error
    assert len(json.loads(said)["pictures"]) == 2
    assert_refused(cli("count", run, pictures), "needs a model that was trained on labelled objects")


def test_predict_takes_a_list_of_pictures(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    names = [str(discs / "val" / "images" / name) for name in ("p101.png", "p100.png")]
    (tmp_path / "list.txt").write_text("\n".join(names))

    assert cli("predict", run, tmp_path / "list.txt", "--out", tmp_path / "out", "-q") == (0, "", "")

    assert len(list((tmp_path / "out" / "classes").iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--level", "2"], "level must be in 1..1 for this tree, got 2"),
        (["--min-confidence", "2"], "min_confidence must be in [0, 1], got 2.0"),
        (["--device", "tpu"], "device must be 'auto', 'cpu' or 'cuda', got 'tpu'"),
        (["--kind", "panoptic"], "kind 'panoptic' needs a model that was trained on labelled objects"),
        (["--kind", "things"], "kind must be one of binary, semantic, instance, panoptic, got 'things'"),
    ],
)
def test_predict_refuses_what_cannot_be(
    options: list[str], sentence: str, cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    picture = discs / "val" / "images" / "p100.png"

    assert_refused(cli("predict", run, picture, "--out", tmp_path / "out", "-q", *options), sentence)
    assert not (tmp_path / "out").exists()


def test_predict_refuses_pictures_that_would_overwrite_each_other(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    shutil.copy(discs / "val" / "images" / "p100.png", tmp_path / "p100.png")

    result = cli("predict", run, discs / "val" / "images", tmp_path / "p100.png", "--out", tmp_path / "out", "-q")

    assert_refused(result, "would both write p100.png")


def test_predict_refuses_models_that_are_missing_damaged_or_newer(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    picture = discs / "val" / "images" / "p100.png"
    out = ["--out", tmp_path / "out", "-q"]
    content = (run / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    tensors, header = load_tensors(run / "model.safetensors")
    save_tensors(tmp_path / "newer.safetensors", tensors, header | {"format_version": 2})

    assert_refused(cli("predict", tmp_path / "none", picture, *out), "does not exist; name a folder that")
    assert_refused(cli("predict", tmp_path / "cut.safetensors", picture, *out), "or it is damaged")
    assert_refused(
        cli("predict", tmp_path / "newer.safetensors", picture, *out), "this smalta reads up to 1: update it"
    )
    assert not (tmp_path / "out").exists()


def test_predict_refuses_to_do_nothing(cli: Cli, run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert_refused(cli("predict", run, tmp_path / "empty", "--out", tmp_path / "out"), "there is no picture in")


# -- check --------------------------------------------------------------------------------------------


def test_check_is_exit_code_0_on_clean_data_and_1_on_errors(cli: Cli, discs: Path, tmp_path: Path) -> None:
    broken = write_set(tmp_path / "data")
    (broken / "train" / "images" / "p0.png").write_bytes(b"no picture")

    assert cli("check", discs, "--quiet") == (0, "", "")
    code, said, _ = cli("check", broken, "--json", "--contact-sheet", tmp_path / "sheet.png")

    assert code == 1
    assert json.loads(said)["n_errors"] == 1
    assert (tmp_path / "sheet.png").is_file()
