"""Pictures per second, from picture files to mask files: smalta beside plain loops.

`python -m bench.answer_speed [--seconds S] [--rounds R] [--sizes NAME ...] [--sides NAME ...]`.

In:  SMALTA_DATA for the pictures, which are CamVid's own and mosaics of them.
Out: bench/results/answer_speed.json, or bench/work/results/ where the options are not the usual ones.

Every side runs in a process of its own (`bench.answering`), the sides in turn; the one that begins changes from round
to round. Loading and one picture to warm up are not timed. The masks are compared: those of our network must agree.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.answering import ANSWERS, PICTURES, SIDES
from bench.common import REPOSITORY, WORK, exit_on_error, machine_facts, recorded_load, write_result
from bench.models import PLAIN, PRECISION, described, exported
from bench.prepare import prepared
from smalta.data.any_format import open_dataset
from smalta.metrics.hierarchy import level_index
from smalta.metrics.semantic import confusion, counts_of, mean_iou
from smalta.pictures.reading import read_index, read_picture
from smalta.pictures.writing import write_picture
from smalta.planning.machine import this_machine
from smalta.planning.rates import disturbance

SECONDS = 8.0  # of each side, size and round, about
ROUNDS = 3
EXPECTED = {"smp": 8.0, "pytorch": 4.0, "onnxruntime": 2.0, "openvino": 1.5}  # times as fast as them
REFERENCE = "pytorch"  # the masks that the others of our network are compared with
STRANGERS = ("smp",)  # whose masks are not of our network
CAMVID = "480x360"


@dataclass(frozen=True, slots=True)
class Size:
    """Pictures of one size.

    Attributes:
        size_hw: pixels.
        n_files: how many different files there are.
    """

    size_hw: tuple[int, int]
    n_files: int


SIZES = {
    CAMVID: Size((360, 480), 600),
    "1024x2048": Size((1024, 2048), 64),
    "4096x4096": Size((4096, 4096), 12),
}


def make_pictures(name: str) -> None:
    """The picture files of one size, if they are not there: CamVid's val pictures over and over, or mosaics of them."""
    size, folder = SIZES[name], PICTURES / name
    if folder.is_dir():
        return
    entries = open_dataset(prepared("camvid11")).split("val")
    draft = PICTURES / f"{name}.part"
    draft.mkdir(parents=True, exist_ok=True)
    for index in range(size.n_files):
        target = draft / f"{index:04d}.png"
        if name == CAMVID:
            target.unlink(missing_ok=True)
            target.symlink_to(entries[index % len(entries)].picture.resolve())
        else:
            write_picture(target, mosaic([entry.picture for entry in entries], size.size_hw, seed=index))
    draft.replace(folder)


def mosaic(paths: Sequence[Path], size_hw: tuple[int, int], seed: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB: pictures of equal size side by side, drawn at random, cut where the sides end."""
    rng = np.random.default_rng(seed)
    height, width = read_picture(paths[0]).shape[:2]
    canvas = np.empty((*size_hw, 3), np.uint8)
    for y in range(0, size_hw[0], height):
        for x in range(0, size_hw[1], width):
            cell = canvas[y : y + height, x : x + width]
            cell[:] = read_picture(paths[rng.integers(len(paths))])[: cell.shape[0], : cell.shape[1]]
    return canvas


def one(side: str, size: str, seconds: float) -> dict[str, Any]:
    """The numbers of one side, or why there are none."""
    answer = WORK / "answers" / "numbers.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.answering", side, "--size", size]
    command += ["--seconds", f"{seconds:g}", "--json", str(answer)]
    ended = subprocess.run(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, check=False)
    if ended.returncode == 0:
        return json.loads(answer.read_text(encoding="utf-8"))
    return {"failed": why(ended.returncode, ended.stderr)}


def why(code: int, stderr: str) -> str:
    """Why a process failed, by its exit code and what it said."""
    if code < 0:
        return f"ended by signal {-code}" + (
            ", as the system does where the memory does not suffice" if code == -9 else ""
        )
    said = [line for line in stderr.splitlines() if line.strip()]
    return (said[-1] if said else f"exit code {code}").replace(str(REPOSITORY), "")[:300]


def measure_size(size: str, sides: Sequence[str], rounds: int, seconds: float) -> dict[str, Any]:
    """All sides on pictures of one size."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for index in range(rounds):
        for side in sides[:: -1 if index % 2 else 1]:
            if any("failed" in numbers for numbers in found[side]):
                continue  # it fails again
            numbers = one(side, size, seconds)
            found[side].append(numbers)
            told = numbers.get("failed") or f"{numbers['pictures_per_second']:.2f} pictures/s"
            print(f"{size}, round {index + 1}: {side} {told}", flush=True)
    told = {side: summary(rows) for side, rows in found.items()}
    masks = agreement(size, [side for side in sides if "failed" not in told[side]])
    return {
        "files": SIZES[size].n_files,
        "sides": {side: numbers | masks.get(side, {}) for side, numbers in told.items()},
        "ratios": ratios({side: row.get("rates", []) for side, row in told.items()}),
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the rounds of one side."""
    if failed := [row["failed"] for row in rows if "failed" in row]:
        return {"failed": failed[0]}
    result = {
        "pictures": [row["pictures"] for row in rows],
        "rates": [round(row["pictures_per_second"], 3) for row in rows],
        "pictures_per_second": round(statistics.median(row["pictures_per_second"] for row in rows), 3),
        "load_seconds": round(statistics.median(row["load_seconds"] for row in rows), 2),
        "peak_bytes": max(row["peak_bytes"] or 0 for row in rows) or None,
    }
    if networks := [row["network"] for row in rows if "network" in row]:
        by_share = sorted(networks, key=lambda network: network["share_of_peak"])
        shares = [round(network["share_of_peak"], 3) for network in by_share]
        result["network"] = by_share[len(by_share) // 2] | {"shares_of_peak": shares}
    return result


def ratios(rates: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Any]]:
    """How many times as fast smalta is, by rival: median and range over the rounds.

    Args:
        rates: pictures per second of the rounds by side; none where a side failed.

    Returns:
        By rival of "smalta"; empty where one of the two has no rates.
    """
    told = {}
    for rival, theirs in rates.items():
        if rival.startswith("smalta") or not theirs or not rates.get("smalta"):
            continue
        found = [a / b for a, b in zip(rates["smalta"], theirs, strict=True)]
        told[rival] = {
            "ratio": round(statistics.median(found), 2),
            "range": [round(min(found), 2), round(max(found), 2)],
        }
    return told


def agreement(size: str, sides: Sequence[str]) -> dict[str, dict[str, float]]:
    """How far the masks of our network agree, side by side with those of plain PyTorch, and mIoU where labels are.

    Only pictures count that every side answered for.
    """
    ours = [side for side in sides if side not in STRANGERS]
    if REFERENCE not in ours:
        return {}
    dataset = open_dataset(prepared("camvid11"))
    entries, place = dataset.split("val"), level_index(dataset.tree, dataset.tree.n_levels)
    folders = {side: ANSWERS / size / side / "classes" for side in ours}
    names = sorted(set.intersection(*({path.name for path in folder.glob("*.png")} for folder in folders.values())))
    told: dict[str, dict[str, float]] = {}
    for side, folder in folders.items() if names else ():
        equal, matrices = [], []
        for name in names:
            mask = read_index(folder / name)
            equal.append(float((mask == read_index(folders[REFERENCE] / name)).mean()))
            if size == CAMVID and int(Path(name).stem) < len(entries):
                truth = place[dataset.read(entries[int(Path(name).stem)]).classes]
                matrices.append(confusion(truth, place[dataset.tree.nodes_of(mask)], dataset.tree.n_leaves))
        told[side] = {"compared": len(names), "equal_pixels": round(float(np.mean(equal)), 5)}
        if matrices:
            told[side]["mean_iou"] = round(float(mean_iou(counts_of(np.sum(matrices, axis=0)))), 4)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each side, size and round, about")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    options = parser.parse_args()
    for precision in {PRECISION, PLAIN}:
        exported("semantic", precision)
    for size in options.sizes:
        make_pictures(size)
    rates = this_machine(refresh=True).rates
    with recorded_load() as load:
        sizes = {size: measure_size(size, options.sides, options.rounds, options.seconds) for size in options.sizes}
    usual = vars(options) == vars(parser.parse_args([]))
    result = {
        "command": " ".join(["python -m bench.answer_speed", *([] if usual else sys.argv[1:])]),
        "about": "pictures per second from PNG files to PNG masks, in batches of files; 480x360: CamVid's val "
        "pictures, larger ones: mosaics of them",
        "model": described("semantic"),
        "expected": EXPECTED,
        "precision": PRECISION,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "sizes": sizes,
        "rates": {"flops": dict(rates.flops), "disturbed": dict(rates.disturbed)},
        "load": load,
        "machine": machine_facts(),
    }
    print(f"wrote {write_result('answer_speed', result, scratch=not usual).name}")
    if (told := disturbance(rates.disturbed)) is not None:
        print(f"shares of the peak rates may be too high: {told}")
    for size, found in sizes.items():
        for rival, least in EXPECTED.items():
            ratio = found["ratios"].get(rival)
            if ratio is not None and ratio["ratio"] < least:
                print(f"{size}: {ratio['ratio']} times as fast as {rival}, below the {least:g} that we expect")


if __name__ == "__main__":
    exit_on_error(main)
