"""Write the tables of docs/benchmarks.md: `python -m bench.table`.

In:  bench/results/*.json.
Out: the part of docs/benchmarks.md between `<!-- bench:begin -->` and `<!-- bench:end -->`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench import nuclei
from bench.common import REPOSITORY, RESULTS, exit_on_error
from bench.segment import JOBS, WHO, command
from bench.video_table import video_tables
from smalta.errors import DataError
from smalta.system.whole_files import write_bytes

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
SHORT = {"mean_iou": "mIoU", "f1": "F1", "tolerant_f1": "F1 within 2 px"}
PROGRAMS = {"smalta": "smalta", "smp": "smp's Unet", "stardist": "StarDist", "yolo": "yolo11n-seg"}
ANSWERING = {  # sides of bench.answer_speed, in the order of the columns
    "smalta": "smalta",
    "smalta_fp32": "smalta, float32",
    "smp": "smp's Unet, PyTorch",
    "pytorch": "our network, PyTorch",
    "onnxruntime": "our file, ONNX Runtime",
    "openvino": "our file, OpenVINO",
    "openvino_fp32": "our file, OpenVINO in float32",
}
MODELS = {"semantic": "11 classes", "objects": "with objects"}
SPLITS = {"nuclei": "small families in one part only", "nuclei_by_picture": "dealt picture by picture"}
OBJECTS = {  # measures of objects: title, decimals
    "accuracy_50": ("accuracy at IoU 0.5", 3),
    "mean_accuracy": ("mean over 0.5 to 0.95", 3),
    "f1_50": ("F1", 3),
    "pq_50": ("PQ", 3),
    "count_mae": ("count MAE", 1),
}


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The table and the sentences below it.

    Args:
        results: content of the result files by name without suffix.
    """
    lines = [
        f"| what | pictures: train, scored | minutes | {' | '.join(PROGRAMS[who] for who in WHO)} | command |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    notes, shown = [], []
    for name, job in JOBS.items():
        found = {who: results[f"{name}_{who}"] for who in WHO if f"{name}_{who}" in results}
        if not found:
            continue
        shown += found.values()
        first = next(iter(found.values()))
        scores = [", ".join(score(found[who], m) for m in job.measures) if who in found else "–" for who in WHO]
        counts = f"{first['pictures']['train']}, {first['pictures'][job.split]} {job.split}"
        typed = command(name, None, first["minutes"])
        lines.append(f"| {job.title} | {counts} | {first['minutes']:g} | {' | '.join(scores)} | `{typed}` |")
        notes.append(f"- {job.title}: {job.about}.")
    object_lines: list[str] = []
    for name in nuclei.SETS:
        objects = {who: results[f"{name}_{who}"] for who in nuclei.WHO if f"{name}_{who}" in results}
        shown += objects.values()
        object_lines += object_table(objects)
    shown += [results[name] for name in ("answer_speed", "answer_memory") if name in results]
    for name in ("train_speed", "metric_speed", "start_up", "first_hour", "busy_threads"):
        if speed := results.get(name):
            shown.append(speed)
            notes.append(f"- {speed['sentence']} (`{speed['command']}`)")
    check = results.get("check")
    if check:
        right, cases = len(check["cases"]) - check["wrong"], len(check["cases"])
        notes.append(
            f"- `smalta check` on these sets, clean and with their known traps: {right} of {cases} cases as expected "
            "(`python -m bench.check_known_traps`)"
        )
    if not shown:
        raise DataError("bench/results holds no results; run `python -m bench.segment all` first")
    speed_lines = answer_table(results["answer_speed"]) if "answer_speed" in results else []
    memory_lines = memory_table(results["answer_memory"]) if "answer_memory" in results else []
    tables = [*lines, "", *object_lines, *speed_lines, *memory_lines, *video_tables(results)]
    return "\n".join([*tables, *notes, "", conditions(shown)])


def object_table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines on nuclei, one row per program; none without results.

    Args:
        results: by program.
    """
    if not results:
        return []
    first = next(iter(results.values()))
    counts = f"{first['pictures']['train']} train, {first['pictures']['test']} test pictures"
    titles = " | ".join(title for title, _ in OBJECTS.values())
    split, typed = SPLITS[first["data"]], nuclei.command(first["data"], None, first["minutes"])
    lines = [
        f"Nuclei, one by one: DSB2018, {counts}, {split}, {first['minutes']:g} minutes each (`{typed}`); "
        "the rivals start without pretrained weights:",
        "",
        f"| program | {titles} | pictures a second |",
        "| --- " * (len(OBJECTS) + 2) + "|",
    ]
    for who, result in results.items():
        cells = [interval_text(result["scores"]["all"][name], digits) for name, (_, digits) in OBJECTS.items()]
        lines.append(f"| {PROGRAMS[who]} | {' | '.join(cells)} | {result['prediction']['pictures_per_second']:.1f} |")
    return [*lines, ""]


def answer_table(result: Mapping[str, Any]) -> list[str]:
    """Lines on answering, one row per size of the pictures.

    Args:
        result: of `bench.answer_speed`.
    """
    present = [side for side in ANSWERING if any(side in found["sides"] for found in result["sizes"].values())]
    lines = [
        f"Answering: pictures a second from PNG files to PNG masks; in brackets, how many times as fast smalta is, the "
        f"median of {result['rounds']} rounds and their range (`{result['command']}`):",
        "",
        f"| pictures | {' | '.join(ANSWERING[side] for side in present)} | network alone, share of the peak rate |",
        "| --- " * (len(present) + 2) + "|",
    ]
    failures, scores = [], []
    for size, found in result["sizes"].items():
        cells = []
        for side in present:
            numbers = found["sides"].get(side, {})
            failures += [f"- {ANSWERING[side]} on {size}: {numbers['failed']}."] if "failed" in numbers else []
            cells.append(rate_text(numbers, found["ratios"].get(side)))
        network = found["sides"].get("smalta", {}).get("network")
        share = f"{network['share_of_peak']:.0%} of {network['precision']}" if network else "–"
        lines.append(f"| {size} | {' | '.join(cells)} | {share} |")
        scores += [
            f"{ANSWERING[side]} {numbers['mean_iou']:.3f}"
            for side, numbers in found["sides"].items()
            if "mean_iou" in numbers
        ]
    same = [f"- mIoU of these masks on CamVid's val pictures, one network ({result['model']}): {', '.join(scores)}."]
    return [*lines, "", *failures, *(same if scores else []), ""]


def rate_text(numbers: Mapping[str, Any], ratio: Mapping[str, Any] | None) -> str:
    """Pictures a second of one side, such as "8.60 (6.1, 5.9 to 6.3)"; a dash where there are none."""
    if "pictures_per_second" not in numbers:
        return "–"
    rate = f"{numbers['pictures_per_second']:.3g}"
    return (
        rate if ratio is None else f"{rate} ({ratio['ratio']:.1f}, {ratio['range'][0]:.1f} to {ratio['range'][1]:.1f})"
    )


def memory_table(result: Mapping[str, Any]) -> list[str]:
    """Lines on large pictures, one row per size.

    Args:
        result: of `bench.answer_memory`.
    """
    models = result["models"]
    lines = [
        f"Large pictures: seconds and peak memory of `smalta predict --memory {result['memory']}` "
        f"(`{result['command']}`):",
        "",
        f"| pixels a side | {' | '.join(MODELS[name] for name in models)} |",
        "| --- " * (len(models) + 1) + "|",
    ]
    for rows in zip(*(found["pictures"] for found in models.values()), strict=True):
        cells = [row.get("failed") or f"{row['seconds']:.1f} s, {row['peak_bytes'] / 2**20:,.0f} MiB" for row in rows]
        lines.append(f"| {rows[0]['side']:,} | {' | '.join(cells)} |")
    grown = [
        f"{MODELS[name]}: seconds as pixels to the power of {found['exponent']:.2f}"
        + (f", peak from 4,096 pixels on {found['peak_growth']:.2f} times" if found["peak_growth"] else "")
        for name, found in models.items()
        if found["exponent"] is not None
    ]
    return [*lines, "", f"- Growth, {'; '.join(grown)}.", ""] if grown else [*lines, ""]


def interval_text(line: Mapping[str, Any], digits: int) -> str:
    """A number with its 95 % interval, such as "0.651 (0.632 to 0.668)"."""
    low, high = line["interval"]
    return f"{line['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def score(result: Mapping[str, Any], measure: str) -> str:
    """A number with its 95 % interval, such as "mIoU 0.651 (0.632 to 0.668)".

    The report lists a measure at the leaves before the levels above, and at the chosen threshold before 0.5.
    """
    line = next(line for line in result["headline"] if line["measure"] == measure)
    if line["value"] is None:
        return f"{SHORT[measure]}: nothing to measure"
    return f"{SHORT[measure]} {interval_text(line, 3)}"


def conditions(results: Sequence[Mapping[str, Any]]) -> str:
    """On which machines and under which load the results were made."""
    machines = sorted({f"{r['machine']['cpu']}, {r['machine']['cores']} cores" for r in results})
    days = sorted(r["machine"]["date"][:10] for r in results)
    busy = [r["load"]["other_cores"] for r in results if r["load"]["other_cores"] is not None]
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    load = f" Other programs kept {min(busy):g} to {max(busy):g} cores busy meanwhile." if busy else ""
    return (
        f"Made {when} on {' and '.join(machines)}.{load} In brackets after a measure: 95 % bootstrap interval over "
        "pictures. smp's Unet has the same encoder, ImageNet weights, pictures and minutes, in a plain float32 loop "
        "(`bench/rivals/smp_unet.py`); one run each, seed 0."
    )


def insert(page: str, text: str) -> str:
    """The page with the text between its markers.

    Raises:
        DataError: if the markers are not there once each, in order.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise DataError(
            f"docs/benchmarks.md must hold {BEGIN} and below it {END}, once each; add them where the tables go"
        )
    return page[: page.index(BEGIN) + len(BEGIN)] + "\n" + text + "\n" + page[page.index(END) :]


def main() -> None:
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}
    page = REPOSITORY / "docs/benchmarks.md"
    write_bytes(page, insert(page.read_text(encoding="utf-8"), table(results)).encode())
    print(f"wrote {len(results)} results into docs/benchmarks.md")


if __name__ == "__main__":
    exit_on_error(main)
