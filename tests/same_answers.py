"""Run fixed models over twelve generated pictures, and compare what comes out with what came out before.

The exact part needs no network: a stand-in answers in numbers that floats hold exactly, so what follows is the same on
every processor. Its entries stand in `same_answers.json`. The part with networks runs random weights with PyTorch,
OpenVINO and ONNX Runtime, which round as the processor does: it compares two versions of smalta on one machine.

    python tests/same_answers.py                  compare the exact part with same_answers.json
    python tests/same_answers.py --update         write same_answers.json
    python tests/same_answers.py --shaken 1       compare as if the last bits of floats were others
    python tests/same_answers.py --record FILE    write the entries of both parts, and the models beside FILE
    python tests/same_answers.py --compare FILE   compare both parts, answered by the models beside FILE
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from canonical_files import Entries, Entry, differences, entries, entry, of_values
from coded_scenes import Reader, code, write
from machines import TWO_CORES
from other_machines import shaken, without_fonts
from plans import a_plan
from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.answers.decoding import Decoding
from smalta.answers.grouping import GroupingRule
from smalta.classes import ClassTree
from smalta.cli import main
from smalta.data.any_format import open_dataset
from smalta.description.kinds import Kind
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.inference.answering import predict_files
from smalta.inference.counting import count_files
from smalta.inference.predictor import Predictor
from smalta.inference.split_evaluation import evaluate
from smalta.planning.machine import this_machine
from smalta.results.options import OutputOptions
from smalta.runtimes.onnx_file import read_onnx
from smalta.runtimes.onnx_runtimes import start
from smalta.scenes import generate, scene_tree

RECORDED = Path(__file__).with_name("same_answers.json")
# height and width by file; the last four are cut into tiles or parts, and one is reduced for its overlay
SIZES = {
    "a32x32.png": (32, 32),
    "b33x47.png": (33, 47),
    "c61x40.png": (61, 40),
    "d48x64.png": (48, 64),
    "e50x64.tif": (50, 64),
    "f65x129.png": (65, 129),
    "g96x128.png": (96, 128),
    "h120x77_grey.tif": (120, 77),
    "i44x2080.png": (44, 2080),
    "j700x36.tif": (700, 36),
    "k610x616.tif": (610, 616),
    "l80x1240.zarr": (80, 1240),
}
FEW = ("b33x47.png", "g96x128.png", "i44x2080.png", "k610x616.tif", "l80x1240.zarr")
SPLITS = ("train", "val", "test", "test")  # of the labelled sets, in turns
TREE = scene_tree("mixed")
TWO = ClassTree({"stuff": {"ids": [0]}, "thing": {"ids": [1]}})
THREE = ClassTree({"near": {}, "middle": {}, "far": {}})
WAYS = {"whole": {"tile_hw": None, "whole_pixels": 2**40}, "parts": {"tile_hw": (608, 608), "whole_pixels": 1}}
OPTIONS: dict[str, tuple[set[str], dict[str, Any]]] = {  # outputs, how classes are chosen
    "overlay": ({"overlay"}, {}),
    "geojson": ({"geojson"}, {}),
    "probabilities": ({"probabilities"}, {}),
    "channels last": ({"probabilities", "channels-last"}, {}),
    "level 1": (set(), {"level": 1}),
    "level 2, overlay, geojson, probabilities": ({"overlay", "geojson", "probabilities"}, {"level": 2}),
    "confidence 0.8": (set(), {"min_confidence": 0.8}),
    "confidence 0.8, level 2, overlay": ({"overlay"}, {"min_confidence": 0.8, "level": 2}),
}
NOT_IN_PARTS = {"geojson", "probabilities", "channels last"}  # refused; one case with all of them is enough
AS_PANOPTIC = {"probabilities", "channels last", "level 1", "confidence 0.8"}  # the instance kind writes no other files
PLANNED = ("runtime", "precision", "layout", "streams", "threads", "tile_hw", "batch")


# -- pictures and stand-ins ----------------------------------------------------------------------------


def write_pictures(found: Entries) -> None:
    """`coded/`, `photos/` and labelled sets of them; entries of what was generated, photos apart."""
    for name, tree in {"coded_set": TREE, "photo_set": TREE, "two_set": TWO}.items():
        Path(name).mkdir()
        Path(name, "classes.yaml").write_text(tree.to_yaml(), encoding="utf-8")
    leaf = np.zeros(len(TREE) + 1, np.int64)
    leaf[list(TREE.leaves)] = np.arange(1, TREE.n_leaves + 1)
    for seed, (name, size_hw) in enumerate(SIZES.items()):
        scene = generate("mixed", seed, size_hw)
        body, instances = scene.attributes["body"], scene.instances
        assert instances is not None
        coded = code(leaf[scene.classes], TREE.n_leaves, body, instances, seed)
        write(Path("coded", name), coded)
        write(Path("photos", name), scene.picture)
        for root, pixels in {"coded_set": coded, "photo_set": scene.picture, "two_set": coded}.items():
            folder, file = Path(root, SPLITS[seed % len(SPLITS)]), f"{Path(name).stem}.png"
            write(folder / "images" / file, pixels)
            if root == "two_set":
                write(folder / "masks" / file, TREE.is_thing[scene.classes].astype(np.uint8))
                continue
            write(folder / "masks" / file, TREE.node_to_value[scene.classes].astype(np.uint8))
            write(folder / "instances" / file, instances.astype(np.uint16))
            write(folder / "attributes" / "body" / file, body)
    found["generated"] = {f"coded_set/{name}": value for name, value in entries(Path("coded_set")).items()}


def stand_in(model: str, way: str) -> Predictor:
    """A predictor that reads coded pictures, and answers them as a whole or in parts."""
    plan = a_plan(**WAYS[way])
    if model == "two":
        info = ModelInfo(tree=TWO, network=NetworkConfig.for_tree(TWO, stride=2), kind="binary", threshold=0.3)
        return Predictor(Reader(TREE.is_thing[list(TREE.leaves)].astype(int).tolist(), 2), info, plan=plan)
    if model == "three":
        info = ModelInfo(tree=THREE, network=NetworkConfig.for_tree(THREE))
        return Predictor(Reader([k % 3 for k in range(TREE.n_leaves)], 4), info, plan=plan)
    stride = int(model.removeprefix("scenes at stride "))
    errors = NodeErrors(pictures=20, found=0.6, empty=0.0)
    info = ModelInfo(
        tree=TREE,
        network=NetworkConfig.for_tree(TREE, objects=True, stride=stride),
        kind="panoptic",
        grouping=GroupingRule(min_area=4, min_stuff=tuple([0.0] + [0.02] * len(TREE))),
        counting=CountCalibration(pictures=20, nodes=dict.fromkeys(("person", "vehicle", "vehicle/car"), errors)),
    )
    return Predictor(Reader(range(TREE.n_leaves), stride, 2), info, plan=plan)


# -- what is run --------------------------------------------------------------------------------------


def paths(names: Iterable[str], folder: str = "coded") -> list[Path]:
    return [Path(folder, name) for name in names]


def command(*words: object) -> dict[str, Entry]:
    """Run a command line: its exit code, and what it printed where that is JSON."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        found: dict[str, Entry] = {"exit code": str(main([str(word) for word in words]))}
    return found | ({"printed": of_values(json.loads(out.getvalue()))} if out.getvalue().startswith("{") else {})


def results(folder: str) -> dict[str, Entry]:
    """Entries of a folder's files, but of the plan only what it decides."""
    found = entries(Path(folder))
    if "plan.json" in found:
        made = json.loads(Path(folder, "plan.json").read_text(encoding="utf-8"))
        found["plan.json"] = json.dumps({name: made[name] for name in PLANNED})
    return found


def answer(run: str, predictor: Predictor, pictures: Sequence[Path], options: OutputOptions) -> dict[str, Entry]:
    """Segment pictures: what was written, and which pictures failed."""
    outcomes = predict_files(predictor, pictures, run, options)
    return results(run) | {"failed": ", ".join(o.picture.name for o in outcomes if o.error)}


def predictions(found: Entries) -> None:
    """All kinds of answers with all options, whole and in parts."""
    kinds: tuple[Kind, ...] = ("semantic", "instance", "panoptic")
    cases: list[tuple[str, Kind]] = [("scenes at stride 4", kind) for kind in kinds]
    cases += [("two", "binary"), ("scenes at stride 1", "panoptic"), ("three", "semantic")]
    for way in WAYS:
        for model, kind in cases:
            run = f"{model}, {kind}, {way}"
            pictures = paths(FEW if model == "scenes at stride 1" else SIZES)
            found[run] = answer(run, stand_in(model, way), pictures, OutputOptions(kind=kind))
            if model in ("scenes at stride 1", "three"):
                continue
            for name, options in options_for(kind, way):
                case = f"{run}, {name}"
                found[case] = answer(case, stand_in(model, way), paths(FEW), options)


def options_for(kind: Kind, way: str) -> Iterator[tuple[str, OutputOptions]]:
    """Those of `OPTIONS` that a kind has."""
    for name, (asked, chosen) in OPTIONS.items():
        outputs = asked - {"geojson"} if kind in ("semantic", "binary") else asked
        decoding = Decoding(**chosen | ({"level": 1} if kind == "binary" and "level" in chosen else {}))
        if (
            not (outputs or chosen)
            or (way == "parts" and name in NOT_IN_PARTS)
            or (kind == "instance" and name in AS_PANOPTIC)
        ):
            continue
        yield name, OutputOptions(kind=kind, outputs=outputs, decoding=decoding)


def resumed(found: Entries) -> None:
    """A job that goes on after a file of its results was lost."""
    run = "scenes at stride 4, panoptic, whole"
    Path(run, "classes", "b33x47.png").unlink()
    options = OutputOptions(kind="panoptic")
    predict_files(stand_in("scenes at stride 4", "whole"), paths(SIZES), run, options, resume=True)
    found["resumed"] = results(run)


def counts(found: Entries) -> None:
    """Counts as CSV and JSON, whole and in parts."""
    for way in WAYS:
        for file, level in (("counts.csv", None), ("counts.json", 1)):
            count_files(stand_in("scenes at stride 4", way), paths(SIZES), out=Path(way, file), level=level)
        found[f"count, {way}"] = results(way)


def evaluations(found: Entries) -> None:
    """Reports on labelled sets."""
    for model, data in (("scenes at stride 4", "coded_set"), ("two", "two_set")):
        report = evaluate(stand_in(model, "whole"), open_dataset(data), "test")
        found[f"evaluate, {model}"] = {"report": of_values(json.loads(json.dumps(report)))}


def data_sets(found: Entries, data: str = "coded_set") -> None:
    """A data set in every format and back, what the doctor says of it, and its contact sheet."""
    sheet = Path(f"{data}.png")
    found[f"check {data}"] = command("check", data, "--json", "--contact-sheet", sheet) | {"sheet": entry(sheet)}
    for name in ("folder", "coco", "coco-panoptic", "yolo", "geojson"):
        folder = f"{data} as {name}"
        found[folder] = command("convert", data, folder, "--format", name, "--quiet") | results(folder)
        if name != "folder":
            found[f"check {folder}"] = command("check", folder, "--json")
            back = f"{folder} and back"
            found[back] = command("convert", folder, back, "--quiet") | results(back)


def exact_part(found: Entries) -> None:
    """What comes out alike on every machine."""
    for part in (write_pictures, predictions, resumed, counts, evaluations, data_sets):
        part(found)


def predict(
    found: Entries, name: str, model: Path, pictures: Iterable[Path], *words: object, memory: int | None = None
) -> str:
    """`smalta predict`; returns the folder of its results."""
    run = ", ".join([name, *map(str, words), *(["little memory"] if memory else [])])
    limit = ["--memory", memory] if memory else []
    status = command("predict", model, *pictures, "--out", run, "--threads", 1, *words, *limit, "--quiet")
    found[run] = status | results(run)
    return run


def network_part(found: Entries, models: Path) -> None:
    """What is made of the answers of networks, through the command line; the machine that is planned for is made up."""
    found["photos"] = entries(Path("photos"))
    data_sets(found, "photo_set")
    shutil.copytree(models, "models")
    exported = Path("models", "scenes.onnx")
    found["export"] = command("export", "models/scenes", "--out", exported, "--quiet")
    for name, model in {"run": Path("models", "scenes"), "exported": exported}.items():
        for kind in ("semantic", "instance", "panoptic"):
            predict(found, name, model, paths(SIZES, "photos"), "--kind", kind)
            words = ("--kind", kind, "--tile", 608)
            run = predict(found, name, model, paths(FEW, "photos"), *words)
            needed = json.loads(Path(run, "plan.json").read_text(encoding="utf-8"))["memory_bytes"]
            predict(found, name, model, paths(FEW, "photos"), *words, "--overlay", memory=needed)
        for options in (
            ("--overlay", "--geojson", "--probabilities"),
            ("--probabilities", "--channels-last", "--level", 2),
            ("--min-confidence", 0.6, "--overlay"),
            ("--level", 1),
        ):
            predict(found, name, model, paths(FEW, "photos"), *options)
        found[f"count, {name}"] = command("count", model, "photos", "--threads", 1, "--json")
        for file in ("counts.csv", "counts.json"):
            command("count", model, "photos", "--threads", 1, "--out", Path(f"count {name}", file), "--tile", 608)
        found[f"count, {name}, to files"] = results(f"count {name}")
        found[f"evaluate, {name}"] = reported(model, "photo_set")
    two = Path("models", "two")
    predict(found, "two", two, paths(SIZES, "photos"), "--probabilities")
    predict(found, "two", two, paths(FEW, "photos"), "--tile", 608, "--overlay")
    found["evaluate, two"] = reported(two, "two_set")
    for runtime in ("openvino", "onnxruntime"):
        content, info = read_onnx(exported)
        predictor = Predictor(start(content, info, name=runtime, streams=1, threads=1), info)
        found[runtime] = answer(runtime, predictor, paths(FEW[:4], "photos"), OutputOptions())
    found["train"] = trained()


def reported(model: Path, data: str) -> dict[str, Entry]:
    """`smalta evaluate`."""
    file = Path(f"{model.stem} on {data}.json")
    return command("evaluate", model, data, "--json", file, "--quiet") | {"report": entry(file)}


def trained() -> dict[str, Entry]:
    """The weights after a few steps of `smalta train`."""
    few = {"steps": 3, "crop": 64, "batch": 2, "width": 12, "stride": 4, "encoder": "plain", "device": "cpu"}
    words = [word for key, value in few.items() for word in (f"--{key}", value)]
    found = command("train", "photo_set", "--out", "trained", "--no-pretrained", "--quiet", *words)
    for file in ("model.safetensors", "last.safetensors"):
        with safe_open(Path("trained", file), "numpy") as content:
            weights = [content.get_tensor(key).tobytes() for key in sorted(content.keys())]
        found[file] = hashlib.sha256(b"".join(weights)).hexdigest()
    return found


def plan_for_two_cores() -> Callable[[], int]:
    """Every module that asks for the machine is given a made-up one; returns how often that has happened."""
    calls = [0]

    def made_up(**_: Any) -> Any:
        calls[0] += 1
        return TWO_CORES

    for module in list(sys.modules.values()):
        if getattr(module, this_machine.__name__, None) is this_machine and module.__name__ != __name__:
            setattr(module, this_machine.__name__, made_up)
    return lambda: calls[0]


# -- the program --------------------------------------------------------------------------------------


def collected(models: Path | None, seed: int | None) -> Entries:
    """Entries of the exact part, and of the part with networks where there are models; made in a folder that goes."""
    found: Entries = {}
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="same_answers.") as folder, contextlib.ExitStack() as stack:
        stack.callback(os.chdir, here)
        os.chdir(folder)
        stack.enter_context(without_fonts())
        if seed is not None:
            stack.enter_context(shaken(seed))
        exact_part(found)
        if models is not None:
            asked = plan_for_two_cores()
            network_part(found, models)
            if asked() == 0:
                raise SystemExit("nobody asked for the made-up machine; patch what the command line calls now")
    return found


def written(found: Entries) -> str:
    """JSON with a line per file."""
    runs = []
    for run, files in found.items():
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in files.items()]
        runs.append(f"{json.dumps(run)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(runs) + "\n}\n"


def run_program(arguments: Sequence[str] | None = None) -> int:
    """0 if the answers are the same, or were written; 1 if some differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--update", action="store_true")
    choice.add_argument("--shaken", type=int, metavar="SEED")
    choice.add_argument("--record", type=Path, metavar="FILE")
    choice.add_argument("--compare", type=Path, metavar="FILE")
    told = parser.parse_args(arguments)
    file = told.record or told.compare
    models = None if file is None else file.resolve().with_suffix(".models")
    if told.record:
        from lively_models import save_models  # PyTorch: this choice alone needs it

        save_models(models, TREE, TWO)
    found = collected(models, told.shaken)
    if told.update or told.record:
        (file or RECORDED).write_text(written(found), encoding="utf-8")
        return 0
    expected = json.loads((file or RECORDED).read_text(encoding="utf-8"))
    lines = differences(expected, found, tolerant=file is None)
    print("\n".join([*lines, f"{len(lines)} of {sum(map(len, expected.values()))} entries differ"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(run_program())
