"""The first part of the demo: the model that comes with smalta answers scenes that it has never seen.

    seeds --scenes--> OUT/scenes --model--> OUT/answers, OUT/counts.csv
                                    +--> OUT/evaluation.json, OUT/side_by_side.png, OUT/index.html, OUT/demo.json

In:  a folder.
Out: its items; `Answered`.

It works without PyTorch. Must not know: how scenes are drawn, how networks work, command lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.demo.folder import DemoFolder
from smalta.demo.page import side_by_side
from smalta.demo.panels import show
from smalta.demo.shipped import shipped_model
from smalta.demo.web import INDEX, scene_sections, web_page
from smalta.demo.words import count_table, easiest_and_hardest, score_table
from smalta.inference.answering import predict_files
from smalta.inference.counting import CountTable, count_files
from smalta.inference.predictor import Predictor, load
from smalta.inference.split_evaluation import evaluate
from smalta.pictures.writing import write_picture
from smalta.results.options import OutputOptions
from smalta.runtimes.protocol import Maps, Runtime
from smalta.scenes import write_scenes
from smalta.system.whole_files import write_bytes

FIRST_SEED = 1_000_000  # the shipped model learned from seeds far below and far above
N_SCENES = 16
DAYLIGHT = 95  # mean of a picture's values
SIZE_HW = (192, 256)
SCENES, ANSWERS, COUNTS, EVALUATION, PICTURE = (
    "scenes", "answers", "counts.csv", "evaluation.json", "side_by_side.png",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the first part found.

    Attributes:
        seconds: since the start of the program.
        report: of `evaluate` on the scenes.
        table: counts of every scene.
    """

    seconds: float
    report: Mapping[str, Any]
    table: CountTable


def answer(folder: DemoFolder) -> Answered:
    """Draw scenes, answer them, score the answers, and write everything with a page that explains it.

    Raises:
        ModelError: if the shipped model is missing or damaged.
        DataError: if a file cannot be written.
    """
    predictor = remembering(shipped_model())
    folder.say(f"drawing {N_SCENES} streets and car parks that the model has never seen")
    with folder.item(SCENES) as draft:
        write_scenes(draft, n_train=0, n_val=0, n_test=N_SCENES, seed=FIRST_SEED, size_hw=SIZE_HW)
    dataset = open_dataset(folder.root / SCENES)
    pictures = [entry.picture for entry in dataset.split("test")]
    folder.say(f"answering them: a class for every pixel, every object, counts ({ANSWERS}/, {COUNTS})")
    with folder.item(ANSWERS) as draft:
        predict_files(predictor, pictures, draft, OutputOptions(outputs={"overlay"}))
    table = count_files(predictor, pictures, out=folder.root / COUNTS)
    folder.say(f"comparing the answers with the truth ({EVALUATION})")
    report = evaluate(predictor, dataset, "test")
    write_bytes(folder.root / EVALUATION, (json.dumps(report, indent=1) + "\n").encode())
    folder.say(f"drawing the pictures and the page ({PICTURE}, {INDEX})")
    shown = [show(predictor, sample) for sample in most_to_see(dataset)]
    write_picture(folder.root / PICTURE, side_by_side(shown, predictor.tree))
    sections = scene_sections(shown, predictor.tree, table, report)
    write_bytes(folder.root / INDEX, web_page(sections).encode())
    found = Answered(seconds=folder.seconds, report=report, table=table)
    folder.record("answer", {"seconds": round(found.seconds, 1), "scenes": N_SCENES, "scores": scores(report)})
    return found


def print_answered(folder: DemoFolder, found: Answered) -> None:
    """Print the scores and counts."""
    say = folder.console.print
    say(f"\n[bold]Answers after {found.seconds:.0f} seconds.[/] On {N_SCENES} unseen scenes:\n")
    say(score_table(found.report), "", count_table(found.report), sep="\n")
    say(f"\n{easiest_and_hardest(found.report)}\n")


def scores(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The headline numbers by scope and measure."""
    return {f"{row['scope']}: {row['measure']}": row["value"] for row in report["headline"]}


def most_to_see(dataset: Dataset) -> list[Sample]:
    """The street and the car park with the most classes in view, by daylight if there is such a scene."""
    best: dict[str, tuple[tuple[bool, int], Sample]] = {}
    for sample in dataset.read_many(dataset.split("test")):
        much = bool(sample.picture.mean() > DAYLIGHT), len(np.unique(sample.classes))
        kind = sample.name.partition("_")[0]
        if kind not in best or much > best[kind][0]:
            best[kind] = (much, sample)
    return [best[kind][1] for kind in sorted(best, reverse=True)]  # the street first


class Remembering:
    """A runtime that keeps the maps of its pictures, because the demo looks at each of them several times.

    Args:
        runtime: that runs the network.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.stride, self.streams = runtime.stride, runtime.streams
        self._maps: dict[bytes, Maps] = {}

    def maps(self, pictures: np.ndarray, /) -> Maps:
        """Maps of (B, H, W, 3) uint8 pictures."""
        key = pictures.tobytes()
        if key not in self._maps:
            self._maps[key] = self._runtime.maps(pictures)
        return self._maps[key]


def remembering(model: Any) -> Predictor:
    """A loaded model that runs its network once for each picture."""
    predictor = load(model)
    return Predictor(Remembering(predictor.runtime), predictor.info, digest=predictor.digest)
