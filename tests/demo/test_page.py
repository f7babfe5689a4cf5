"""Pictures, page and tables of the demo, from a model that knows the truth."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from rich.console import Console

from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.demo.lesson_scores import score_lesson
from smalta.demo.page import side_by_side
from smalta.demo.panels import Panel, show
from smalta.demo.web import LESSON, Section, legend, panels_html, table_html, web_page, with_lesson
from smalta.demo.words import count_table
from smalta.errors import ShapeError
from smalta.scenes import generate, scene_tree

SIZE_HW = (96, 128)


class Oracle:
    """Stands in for a model: answers the truth of the scenes, which it knows by their pictures."""

    class Info:
        counting = CountCalibration(
            pictures=50, nodes={path: NodeErrors(pictures=50, found=0.5, empty=0.0) for path in ("person", "vehicle")}
        )

    def __init__(self, samples: list[Sample], tree: ClassTree | None = None) -> None:
        self.tree, self.info = tree or scene_tree(), self.Info()
        self._truth = {sample.picture.tobytes(): sample for sample in samples}

    def __call__(self, picture: np.ndarray, *, kind: str = "panoptic", level: int | None = None) -> Segmentation:
        sample = self._truth[picture.tobytes()]
        leaves = np.stack([sample.classes == leaf for leaf in self.tree.leaves]).astype(np.float32)
        leaves[0] += leaves.sum(axis=0) == 0  # a pixel without a label, or of a class that the model lacks, is sky
        values = np.stack([sample.attributes["body"] == value for value in (1, 2)]).astype(np.float32)
        answer = Segmentation.from_probabilities(self.tree, leaves, decoding=Decoding(level=level))
        if kind == "semantic":
            return answer
        sure = np.ones(sample.instances.max(), np.float32)
        objects = Objects.from_instances(self.tree, sample.instances, leaves, sure, attributes={"body": values})
        return replace(answer, objects=objects)


def cell(drawn: np.ndarray, row: int, column: int) -> np.ndarray:
    """A picture on the page, without its caption."""
    top, left = row * (288 + 20) + 20, column * 384
    return drawn[top : top + 288, left : left + 384]


def test_the_page_shows_a_perfect_answer_as_it_shows_the_truth() -> None:
    samples = [generate("mixed", seed) for seed in (500, 501)]
    model = Oracle(samples)

    drawn = side_by_side([show(model, sample) for sample in samples], model.tree)

    assert drawn.shape[1] == 4 * 384
    for scene, sample in enumerate(samples):
        views = {(row, column): cell(drawn, 2 * scene + row, column) for row in (0, 1) for column in range(4)}
        large = cv2.resize(sample.picture, (384, 288), interpolation=cv2.INTER_CUBIC)
        labelled = cv2.resize(sample.classes, (384, 288), interpolation=cv2.INTER_NEAREST_EXACT) != 0
        np.testing.assert_array_equal(views[0, 0], large)
        np.testing.assert_array_equal(views[1, 0][labelled], views[1, 3][labelled])  # truth and panoptic
        pairs = [(a, b) for a in views for b in views if a < b and (a, b) != ((1, 0), (1, 3))]
        assert all((views[a] != views[b]).any() for a, b in pairs)


def test_counts_in_a_title_have_their_intervals() -> None:
    sample = generate("street", 500)
    n_people = len(np.unique(sample.instances[sample.classes == scene_tree()["person"].id]))

    titles = [panel.title for panel in show(Oracle([sample]), sample).panels]

    # half of the root of n + 1 to either side
    half = int(0.5 * (n_people + 1) ** 0.5)
    assert f"instance: person {n_people} ({n_people - half} to {n_people + half}), vehicle " in titles[5]
    assert titles[4].startswith(f"truth: person {n_people}, vehicle ")


def test_the_page_needs_objects() -> None:
    sample = generate("mixed", 500)

    class Plain(Oracle):
        def __call__(self, picture: np.ndarray, **asked: object) -> Segmentation:
            return super().__call__(picture, kind="semantic")

    with pytest.raises(ShapeError, match="no objects, which the page shows"):
        show(Plain([sample]), sample)


class Balance(HTMLParser):
    """Counts open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_and_escapes_its_words() -> None:
    panel = Panel(title="a < b", words="R&D", picture=np.zeros((4, 6, 3), np.uint8))
    body = panels_html([panel]) + legend(scene_tree(), {1}) + table_html(("x", "y"), [("<1>", "2")])
    sections = [Section(title="first & more", words=("one", "two"), body=body), Section(title="last", words=())]

    page = web_page(sections)
    taught = with_lesson(page, [Section(title="lesson", words=("<learned>",))])

    for text in (page, taught):
        parser = Balance()
        parser.feed(text)
        assert parser.open == []
    for words in ("a &lt; b", "R&amp;D", "first &amp; more", "&lt;1&gt;", "#87ceeb", "data:image/jpeg;base64,"):
        assert words in page
    assert page.count(LESSON) == 1
    assert LESSON not in taught
    assert page.index("first") < taught.index("&lt;learned&gt;") < taught.index("<h2>last")


def test_counts_are_shown_with_their_intervals_where_there_are_any() -> None:
    row = {"true": 12, "predicted": 11, "mae": 0.25, "coverage": 0.917, "mean_width": 1.26}
    nodes = [{"class": path, **row} for path in ("person", "vehicle", "vehicle/car", "vehicle/bus")]
    calibrated = {"nodes": nodes, "nominal_coverage": 0.9, "shortage": None}
    short = {"nodes": nodes, "nominal_coverage": 0.9, "shortage": "too few"}
    console = Console(width=120)

    with console.capture() as with_intervals:
        console.print(count_table({"counts": calibrated}))
    with console.capture() as without:
        console.print(count_table({"counts": short}))

    assert "90% intervals" in with_intervals.get()
    assert ["person", "12", "11", "0.25", "1.3", "92%"] in [line.split() for line in with_intervals.get().splitlines()]
    assert ["person", "12", "11", "0.25"] in [line.split() for line in without.get().splitlines()]


def test_a_model_without_animals_scores_nothing_on_them_and_all_on_the_rest() -> None:
    tree = scene_tree(animals=True)
    samples = [generate("mixed", seed, SIZE_HW, animals=True) for seed in range(4)]
    is_animal = [sample.classes == tree["animal"].id for sample in samples]
    n_animals = sum(len(np.setdiff1d(s.instances[there], 0)) for s, there in zip(samples, is_animal, strict=True))
    assert n_animals > 2

    before = score_lesson(Oracle(samples), samples, tree)
    after = score_lesson(Oracle(samples, tree), samples, tree)

    assert (before.animal_iou, before.found, before.animals) == (0.0, 0, n_animals)
    assert (after.animal_iou, after.found, after.animals) == (1.0, n_animals, n_animals)
    assert before.instead == {"sky": 1.0}
    assert after.instead == {"animal": 1.0}
    assert before.known_iou < after.known_iou == 1.0  # the animals are wrongly sky
    assert after.known_f1 == 1.0
