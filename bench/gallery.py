"""Draw the pictures of README and docs: `python -m bench.gallery [NAME ...]`.

In:  nothing; all examples of `smalta demo`, or those with these names.
Out: docs/gallery/NAME.jpg, docs/demo.jpg, docs/lesson.jpg; bench/results/gallery.json with steps and scores.

Each example runs as `smalta demo NAME` does, with as much time as its steps need, so that the pictures do not depend on
how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import cv2

from bench.common import RESULTS, WORK, exit_on_error, machine_facts, write_result
from smalta.demo.example_run import PICTURE, run_example
from smalta.demo.examples import EXAMPLES
from smalta.demo.run import run_demo
from smalta.errors import DataError
from smalta.system.whole_files import write_bytes

DOCS = Path(__file__).parents[1] / "docs"
SCENES, MINUTES = "scenes", 30.0
MOST_BYTES, WIDEST = 150_000, 1280
QUALITIES = (90, 85, 80, 75, 70, 60, 50, 40)
PAGES = {"side_by_side.png": "demo.jpg", "before_after.png": "lesson.jpg"}


def draw(names: list[str]) -> None:
    """Run examples one after the other, and keep their pictures."""
    earlier = RESULTS / "gallery.json"
    facts = json.loads(earlier.read_text())["examples"] if earlier.is_file() else {}
    for name in names:
        print(f"-- {name}", flush=True)
        out = WORK / "gallery" / name
        shutil.rmtree(out, ignore_errors=True)
        if name == SCENES:
            facts[name] = _without_seconds(run_demo(out, minutes=MINUTES))
            for page, file in PAGES.items():
                save(out / page, DOCS / file)
        else:
            facts[name] = _without_seconds(run_example(name, out, minutes=MINUTES))
            save(out / PICTURE, DOCS / "gallery" / f"{name}.jpg")
        write_result("gallery", {"machine": machine_facts(), "examples": facts})


def _without_seconds(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that do not depend on how busy the machine was."""
    plain = {key: _without_seconds(value) if isinstance(value, dict) else value for key, value in facts.items()}
    return {key: value for key, value in plain.items() if key != "seconds"}


def save(picture: Path, file: Path) -> None:
    """Write a picture as a JPEG of at most `MOST_BYTES` bytes, with the best quality that fits."""
    pixels: Any = cv2.imread(str(picture))
    if pixels.shape[1] > WIDEST:
        size_wh = (WIDEST, round(pixels.shape[0] * WIDEST / pixels.shape[1]))
        pixels = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
    for quality in QUALITIES:
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
        if len(encoded) <= MOST_BYTES:
            file.parent.mkdir(exist_ok=True)
            write_bytes(file, encoded.tobytes())
            print(f"{file.relative_to(DOCS.parent)}: {len(encoded):,} bytes, quality {quality}", flush=True)
            return
    raise DataError(f"{picture} is larger than {MOST_BYTES:,} bytes as a JPEG; make it smaller")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Draw the pictures of README and docs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples; all of them if none is named")
    names = parser.parse_args().names or [SCENES, *EXAMPLES]
    if unknown := sorted(set(names) - {SCENES, *EXAMPLES}):
        parser.error(f"there is no example {unknown[0]!r}; examples are {', '.join((SCENES, *EXAMPLES))}")
    draw(names)


if __name__ == "__main__":
    exit_on_error(main)
