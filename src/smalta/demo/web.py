"""The page that explains the demo: one HTML file with its pictures inside.

In:  panels, scores, counts.
Out: HTML text.

Must not know: models, how scores are made, where the file goes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.demo.panels import COUNTED, Panel, Shown
from smalta.demo.words import OWN_PICTURES, score_rows
from smalta.inference.counting import CountTable

INDEX = "index.html"
QUALITY = 84  # of the JPEG pictures
LESSON = "<!-- the lesson -->"  # where the second part goes

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 74rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .4rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .4rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 1.2rem 1rem; }
figure { margin: 0; } figcaption { font-size: .9rem; } figcaption b { display: block; margin-top: .3rem; }
img { width: 100%; display: block; border-radius: 4px; }
table { border-collapse: collapse; margin: .4rem 0 1rem; font-size: .95rem; }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
.legend { font-size: .85rem; display: flex; flex-wrap: wrap; gap: .15rem .9rem; margin: .8rem 0; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; border-radius: 2px;
  vertical-align: -1px; border: 1px solid var(--line); }
pre { background: var(--soft); padding: .7rem .9rem; border-radius: 4px; overflow-x: auto; font-size: .85rem; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
        title: its heading.
        words: paragraphs of plain text.
        body: HTML below them.
    """

    title: str
    words: tuple[str, ...]
    body: str = ""

    @property
    def html(self) -> str:
        """The section as HTML."""
        words = "".join(f"<p>{escape(text)}</p>" for text in self.words)
        return f"<section><h2>{escape(self.title)}</h2>{words}{self.body}</section>\n"


def web_page(sections: Iterable[Section]) -> str:
    """The whole page, with a place for the second part before its last section."""
    *first, last = [section.html for section in sections]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>smalta demo</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><h1>What smalta answers</h1>\n"
        f"{''.join(first)}{LESSON}\n{last}</body></html>\n"
    )


def with_lesson(page: str, sections: Iterable[Section]) -> str:
    """The page with the second part in its place."""
    return page.replace(LESSON, "".join(section.html for section in sections))


def scene_sections(
    scenes: Sequence[Shown], tree: ClassTree, table: CountTable, report: dict[str, Any]
) -> list[Section]:
    """The first part: each scene with its answers and counts, then all scores, then the commands."""
    counts = {picture.stem: nodes for picture, nodes in table.rows()}
    sections = []
    for number, scene in enumerate(scenes):
        intro = (
            "The small model that comes with smalta answered these pictures on this computer, without PyTorch. It "
            "learned from generated scenes only, and it has never seen the scenes below. One network gives all kinds "
            "of answers.",
        )
        rows = [
            (row.node, str(row.count), "-" if row.low is None else f"{row.low} to {row.high}")
            for row in counts[scene.name]
            if row.node in COUNTED or row.count
        ]
        body = panels_html(scene.panels) + legend(tree, scene.nodes)
        body += table_html(("objects in this picture", "counted", "90 % interval"), rows)
        kind = {"street": "A street", "parking": "A car park"}.get(scene.name.partition("_")[0], scene.name)
        sections.append(Section(title=kind, words=() if number else intro, body=body))
    words = (
        f"On all {report['n_pictures']} unseen scenes, compared with their exact labels. A score goes from 0 (all "
        "wrong) to 1 (perfect). IoU is the shared area of answer and truth, divided by the area of both together. PQ "
        "scores classes and objects together.",
    )
    scores = table_html(("question", "score", "95 % interval"), score_rows(report))
    sections.append(Section(title="How good are the answers?", words=words, body=scores))
    own = (
        "Put pictures into mine/images. For each picture put a PNG of the same name into mine/masks, in which every "
        "pixel holds the number of its class. Name the classes in mine/classes.yaml. To count objects, number them in "
        "mine/instances and write kind: thing at their class. Then:",
    )
    sections.append(Section(title="Your own pictures", words=own, body=f"<pre>{escape(OWN_PICTURES)}</pre>"))
    return sections


def panels_html(panels: Iterable[Panel]) -> str:
    """Pictures with title and words, in a grid."""
    return f'<div class="panels">{"".join(map(_figure, panels))}</div>'


def _figure(panel: Panel) -> str:
    title, words = escape(panel.title), escape(panel.words)
    return (
        f'<figure><img src="{_embedded(panel.picture)}" alt="{title}"><figcaption><b>{title}</b>{words}</figcaption>'
        "</figure>\n"
    )


def _embedded(picture: np.ndarray) -> str:
    """A picture as a JPEG inside a URL."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def legend(tree: ClassTree, nodes: Iterable[int]) -> str:
    """The colours of some classes."""
    colors = {node: "#{:02x}{:02x}{:02x}".format(*tree.colors[node].tolist()) for node in sorted(nodes)}
    return (
        '<div class="legend">'
        + "".join(f'<span><i style="background:{c}"></i>{escape(tree.name(node))}</span>' for node, c in colors.items())
        + "</div>"
    )


def table_html(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its first column is text, the others are numbers."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"
