"""Memory and time of `smalta predict --memory 1GB` on pictures of 2,048 to 20,000 pixels a side.

`python -m bench.answer_memory [--sides PX ...] [--models NAME ...] [--memory LIMIT]`.

In:  nothing but generated scenes for the pictures; SMALTA_DATA for the training of the semantic model.
Out: bench/results/answer_memory.json, or bench/work/results/ where the options are not the usual ones.

The pictures are tiled TIFFs, deflated, made of generated scenes tile by tile; 2 GB of them stay in bench/work. Time is
that of the whole command; that of a picture of 64 pixels, all start, is subtracted before the growth is fitted.
The peak is the most memory that the system saw the command hold.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from bench.common import WORK, exit_on_error, machine_facts, recorded_load, smalta_command, write_result
from bench.models import DATA, PRECISION, described, exported
from smalta.api.limits import n_bytes
from smalta.scenes import generate

SIDES = (2048, 4096, 8192, 12_288, 20_000)
START_SIDE = 64
MEMORY = "1GB"
TILE = 512
N_SCENES = 40
FLAT_FROM = 4096  # a picture below may need less than the limit
MOST_EXPONENT = 1.1  # of seconds against pixels; 1 is linear
MOST_GROWTH = 1.1  # of the peak, from the side of FLAT_FROM on

# runs a command and tells its time and its peak; itself small, for a child's peak includes its parent's at the start
WATCH = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"code": code, "seconds": seconds, "peak_bytes": peak}))
"""


def make_picture(side: int) -> Path:
    """A tiled TIFF of generated scenes, if it is not there."""
    path = WORK / "data" / "large" / f"{side}.tif"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    tile = min(TILE, side)
    with tifffile.TiffWriter(draft, bigtiff=side * side * 3 >= 2**31) as file:
        file.write(
            tiles(side, tile),
            shape=(side, side, 3),
            dtype=np.uint8,
            tile=(tile, tile),
            compression="zlib",
            compressionargs={"level": 1},
            photometric="rgb",
            metadata=None,
            maxworkers=1,
        )
    draft.replace(path)
    return path


def tiles(side: int, tile: int) -> Iterator[np.ndarray]:
    """(tile, tile, 3) scenes in the order of the file, drawn at random from a few."""
    rows = math.ceil(side / tile)
    scenes = [generate("mixed", seed, (tile, tile)).picture for seed in range(min(N_SCENES, rows * rows))]
    rng = np.random.default_rng(side)
    for _ in range(rows * rows):
        yield scenes[rng.integers(len(scenes))]


def predict(model: Path, picture: Path, memory: str) -> dict[str, Any]:
    """Seconds and peak of one `smalta predict`, or why there are none."""
    out = WORK / "answers" / "large"
    shutil.rmtree(out, ignore_errors=True)
    command = [*smalta_command(), "predict", str(model), str(picture), "--memory", memory, "--out", str(out), "--quiet"]
    ended = subprocess.run([sys.executable, "-c", WATCH, *command], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        return {"failed": f"exit code {ended.returncode}"}
    told = json.loads(ended.stdout)
    if told.pop("code") != 0:
        said = [line for line in ended.stderr.splitlines() if line.strip()]
        return {"failed": (said[-1] if said else "it said nothing").replace(str(WORK), "")[:300]}
    return told


def growth(sides: Sequence[int], seconds: Sequence[float], start: float) -> float | None:
    """Exponent of seconds against pixels, a straight line in logarithms; None with less than two sizes.

    Args:
        sides: of the pictures, pixels.
        seconds: that they took.
        start: seconds that have nothing to do with pixels.
    """
    if len(sides) < 2:
        return None
    own = np.maximum(np.array(seconds) - start, 1e-3)
    return round(float(np.polyfit(np.log(np.square(sides, dtype=float)), np.log(own), 1)[0]), 3)


def measure(name: str, sides: Sequence[int], memory: str) -> dict[str, Any]:
    """All sizes with one model."""
    model = exported(name, PRECISION)
    start = predict(model, make_picture(START_SIDE), memory)
    rows = []
    for side in sides:
        rows.append({"side": side} | predict(model, make_picture(side), memory))
        told = rows[-1].get("failed") or f"{rows[-1]['seconds']:.1f} s, {rows[-1]['peak_bytes'] / 2**20:.0f} MiB"
        print(f"{name}, {side} x {side}: {told}", flush=True)
    return {"model": described(name), "start": start, "pictures": rows} | judged(start, rows, n_bytes(memory))


def judged(start: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """What the rows say.

    Args:
        start: of the small picture.
        rows: "side", "seconds" and "peak_bytes" by picture, or why it failed.
        limit: of the memory, bytes.
    """
    done = [row for row in rows if "failed" not in row]
    large = [row["peak_bytes"] for row in done if row["side"] >= FLAT_FROM]
    return {
        "exponent": growth([row["side"] for row in done], [row["seconds"] for row in done], start.get("seconds", 0.0)),
        "peak_growth": round(max(large) / large[0], 3) if large else None,
        "within_limit": bool(done) and all(row["peak_bytes"] <= limit for row in done),
        "all_done": len(done) == len(rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES), help="of the pictures, pixels")
    parser.add_argument("--models", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--memory", default=MEMORY)
    options = parser.parse_args()
    with recorded_load() as load:
        models = {name: measure(name, sorted(options.sides), options.memory) for name in options.models}
    usual = vars(options) == vars(parser.parse_args([]))
    result = {
        "command": " ".join(["python -m bench.answer_memory", *([] if usual else sys.argv[1:])]),
        "about": "tiled TIFFs of generated scenes, one per command",
        "memory": options.memory,
        "limit_bytes": n_bytes(options.memory),
        "precision": PRECISION,
        "models": models,
        "load": load,
        "machine": machine_facts(),
    }
    print(f"wrote {write_result('answer_memory', result, scratch=not usual).name}")
    for name, found in models.items():
        if not (found["all_done"] and found["within_limit"]):
            print(f"{name}: not every picture was done within {options.memory}")
        if (found["exponent"] or 0) > MOST_EXPONENT or (found["peak_growth"] or 0) > MOST_GROWTH:
            print(f"{name}: time grows as pixels^{found['exponent']}, the peak by {found['peak_growth']}")


if __name__ == "__main__":
    exit_on_error(main)
