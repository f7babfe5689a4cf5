"""The second part of the demo: the shipped model learns animals from scenes that are labelled at the top level only.

    seeds --scenes--> OUT/lesson/scenes --training, from the shipped model--> OUT/lesson/run
    both models --lesson_scores--> OUT/before_after.png, OUT/index.html, OUT/demo.json

In:  the folder of a demo whose first part is done, minutes.
Out: its further items; `Taught`.

It needs PyTorch. Must not know: how scenes are drawn, how networks learn, command lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.table import Table

from smalta.answers.segmentation import Segmentation
from smalta.classes import ROOT, ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.demo.answering import remembering
from smalta.demo.folder import DemoFolder
from smalta.demo.lesson_progress import LessonProgress
from smalta.demo.lesson_scores import LessonScores, score_lesson
from smalta.demo.page import in_rows
from smalta.demo.panels import OPACITY, Panel, enlarged
from smalta.demo.shipped import shipped_model
from smalta.demo.web import INDEX, Section, legend, panels_html, table_html, with_lesson
from smalta.errors import ConfigError
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import overlay
from smalta.pictures.writing import write_picture
from smalta.scenes import generate, scene_tree
from smalta.scenes.animals import ANIMAL
from smalta.scenes.data_set import write_data_set
from smalta.system.whole_files import write_bytes
from smalta.training.settings import TrainSettings
from smalta.training.train import train

FIRST_SEED = 1_100_000
N_TRAIN, N_VAL, N_TEST, SHOWN = 96, 16, 16, 3
SIZE_HW = (192, 256)
STEPS, CROP, BATCH, RATE = 80, 128, 6, 1e-3
LESSON_SCENES, LESSON_RUN, PICTURE = "lesson/scenes", "lesson/run", "before_after.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What the lesson changed.

    Attributes:
        steps: training steps that were made.
        before: scores of the shipped model on unseen scenes with animals.
        after: scores of the model that learned, on the same scenes.
        n_known: number of finest classes that the shipped model knows.
    """

    steps: int
    before: LessonScores
    after: LessonScores
    n_known: int


def teach(folder: DemoFolder, minutes: float) -> Taught:
    """Draw scenes with animals, train the shipped model on them, compare it with itself.

    Args:
        folder: with the first part.
        minutes: at most, for the training.

    Raises:
        ConfigError: if the first part is missing, or the second is done.
        TrainingError: if training cannot go on.
    """
    _check(folder)
    if not (folder.root / LESSON_SCENES).is_dir():  # a stopped lesson leaves them whole
        _draw(folder)
    dataset = open_dataset(folder.root / LESSON_SCENES)
    samples = list(dataset.read_many(dataset.split("test")))
    model = shipped_model()
    old = remembering(model)
    before = score_lesson(old, samples, dataset.tree)
    folder.say(f"before: {before.animals} animals in {N_TEST} unseen scenes; it answers them as {_shares(before)}")
    folder.say(f"training at most {STEPS} steps in {60 * minutes:.0f} seconds, from the shipped model ({LESSON_RUN}/)")
    settings = TrainSettings(
        steps=STEPS, minutes=minutes, crop=CROP, batch=BATCH, learning_rate=RATE, first_view=1.0, initial=str(model)
    )
    with folder.item(LESSON_RUN) as draft, LessonProgress(folder, STEPS) as watcher:
        trained = train(folder.root / LESSON_SCENES, draft, settings, observer=watcher)
    new = remembering(folder.root / LESSON_RUN)
    after = score_lesson(new, samples, dataset.tree)
    found = Taught(steps=trained.steps, before=before, after=after, n_known=old.tree.n_leaves)
    _write(folder, found, old, new, dataset, _most_animals(samples, dataset.tree))
    return found


def _draw(folder: DemoFolder) -> None:
    folder.say(f"drawing {N_TRAIN + N_VAL + N_TEST} scenes with cows, sheep, horses and dogs ({LESSON_SCENES}/)")
    with folder.item(LESSON_SCENES) as draft:
        write_data_set(
            draft, scene_tree(animals=True), drawn, n_train=N_TRAIN, n_val=N_VAL, n_test=N_TEST, seed=FIRST_SEED
        )


def drawn(seed: int) -> Sample:
    """A scene with animals; those to learn from have labels at the top level of the class tree only."""
    sample = generate("mixed", seed, SIZE_HW, animals=True)
    if seed >= FIRST_SEED + N_TRAIN + N_VAL:
        return sample
    top = scene_tree(animals=True).level_table(1).astype(np.uint16)
    unlabelled = {name: np.zeros_like(values) for name, values in sample.attributes.items()}
    return replace(sample, classes=top[sample.classes], attributes=unlabelled)


def print_taught(folder: DemoFolder, found: Taught) -> None:
    """Print the scores before and after, and what changed."""
    table = Table(box=None, pad_edge=True)
    for index, title in enumerate((f"on {N_TEST} unseen scenes with animals", "before", "after")):
        table.add_column(title, justify="right" if index else "left")
    for row in rows(found):
        table.add_row(*row)
    folder.console.print("", table, "", what_changed(found), sep="\n")
    if shortage := too_few(found):
        folder.console.print(shortage)
    folder.console.print()


def rows(found: Taught) -> list[tuple[str, str, str]]:
    """Question, before and after."""
    before, after = found.before, found.after
    return [
        ("animals: IoU of their pixels", f"{before.animal_iou:.2f}", f"{after.animal_iou:.2f}"),
        ("animals found", f"{before.found} of {before.animals}", f"{after.found} of {after.animals}"),
        (
            f"the {found.n_known} classes that it knew: mean IoU",
            f"{before.known_iou:.2f}",
            f"{after.known_iou:.2f}",
        ),
        ("people and vehicles: F1, IoU 0.5", f"{before.known_f1:.2f}", f"{after.known_f1:.2f}"),
    ]


def what_changed(found: Taught) -> str:
    """Two sentences: what the model learned, and what it kept."""
    before, after = found.before, found.after
    lost = before.known_iou - after.known_iou
    kept = "It kept what it knew" if lost < 0.02 else f"It lost {lost:.2f} of what it knew"
    return (
        f"The model had no word for animals and answered them as {_shares(before)}; after {found.steps} steps their "
        f"IoU is {after.animal_iou:.2f}, and it finds {after.found} of {after.animals} as whole objects. {kept} (mean "
        f"IoU {before.known_iou:.2f} before, {after.known_iou:.2f} after), although the labels of the lesson say only "
        "road or vehicle, never which lane or make."
    )


def too_few(found: Taught) -> str | None:
    """A sentence if the time was too short for all steps."""
    if found.steps >= STEPS:
        return None
    return (
        f"Only {found.steps} of {STEPS} steps fitted into the time, because this machine is slow or busy; set a higher "
        "--minutes for a better lesson."
    )


def _shares(scores: LessonScores) -> str:
    """The top classes that animals are answered as."""
    return ", ".join(f"{name} ({share:.0%})" for name, share in list(scores.instead.items())[:3])


def _check(folder: DemoFolder) -> None:
    root = folder.root
    if not (root / INDEX).is_file():
        raise ConfigError(f"{root} holds no first part of a demo; run `smalta demo --out {root}` with a new folder")
    if (root / LESSON_RUN).exists():
        raise ConfigError(f"{root / LESSON_RUN} is there already; remove it, or name a new folder with --out")


def _most_animals(samples: Sequence[Sample], tree: ClassTree) -> list[Sample]:
    """The scenes with the largest animals that are bright enough to see."""
    bright = [sample for sample in samples if sample.picture.mean() > 80] or list(samples)
    areas = {sample.name: np.count_nonzero(sample.classes == tree[ANIMAL].id) for sample in bright}
    return sorted(bright, key=lambda sample: -areas[sample.name])[:SHOWN]


def _write(
    folder: DemoFolder, found: Taught, old: Predictor, new: Predictor, dataset: Dataset, shown: Sequence[Sample]
) -> None:
    """The picture, the page and the summary."""
    tree = dataset.tree
    panels = [_panels(old(sample.picture), new(sample.picture), sample, tree) for sample in shown]
    nodes = {int(node) for sample in shown for node in np.unique(sample.classes)} - {ROOT}
    write_picture(folder.root / PICTURE, in_rows(panels, tree, nodes))
    words = (
        "Cows, sheep, horses and dogs have come to town, and the model has no word for them. It learned the class "
        f"animal from {N_TRAIN} scenes in which people marked only what a quick look gives: road, vehicle, nature, "
        "animal and so on, but no lanes and no makes of cars.",
        what_changed(found),
        *([shortage] if (shortage := too_few(found)) else []),
    )
    body = table_html((f"on {N_TEST} unseen scenes with animals", "before", "after"), rows(found))
    body += panels_html([panel for row in panels for panel in row]) + legend(tree, nodes)
    page = (folder.root / INDEX).read_text(encoding="utf-8")
    section = Section(title="A lesson", words=words, body=body)
    write_bytes(folder.root / INDEX, with_lesson(page, [section]).encode())
    facts = {"steps": found.steps, "wanted_steps": STEPS, "seconds": round(folder.seconds, 1)}
    folder.record("teach", facts | {"before": found.before.to_dict(), "after": found.after.to_dict()})


def _panels(before: Segmentation, after: Segmentation, sample: Sample, tree: ClassTree) -> list[Panel]:
    """A scene, the two answers, and the truth."""
    assert sample.instances is not None  # of a scene
    n_true = len(np.setdiff1d(sample.instances[sample.classes == tree[ANIMAL].id], 0))
    assert after.objects is not None  # of a model of scenes
    n_found = after.objects.counts()[ANIMAL]
    return [
        Panel(title="picture", words="An unseen scene.", picture=enlarged(sample.picture)),
        Panel(title="before the lesson", words="Animals get other names.", picture=_panoptic(sample, before)),
        Panel(title=f"after: animals {n_found}", words="Animals are objects now.", picture=_panoptic(sample, after)),
        Panel(
            title=f"truth: animals {n_true}",
            words="The labels that come with the drawing.",
            picture=_coloured(sample.picture, sample.classes, sample.instances, tree),
        ),
    ]


def _panoptic(sample: Sample, answer: Segmentation) -> np.ndarray:
    assert answer.objects is not None  # of a model of scenes
    return _coloured(sample.picture, answer.panoptic(), answer.objects.instances, answer.tree)


def _coloured(picture: np.ndarray, classes: np.ndarray, instances: np.ndarray, tree: ClassTree) -> np.ndarray:
    return overlay(enlarged(picture), enlarged(classes), tree, instances=enlarged(instances), opacity=OPACITY)
