"""Write the README's table of measured results: `python -m bench.table`.

In:  bench/results/*.json.
Out: the part of README.md between `<!-- bench:begin -->` and `<!-- bench:end -->`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import nuclei
from bench.common import REPOSITORY, RESULTS, exit_on_error
from bench.segment import JOBS, WHO, command
from smalta.errors import DataError

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
SHORT = {"mean_iou": "mIoU", "f1": "F1", "tolerant_f1": "F1 within 2 px"}
PROGRAMS = {"smalta": "smalta", "smp": "smp's Unet", "stardist": "StarDist", "yolo": "yolo11n-seg"}
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
    objects = {who: results[f"nuclei_{who}"] for who in nuclei.WHO if f"nuclei_{who}" in results}
    shown += objects.values()
    for name in ("train_speed", "metric_speed"):
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
    return "\n".join([*lines, "", *object_table(objects), *notes, "", conditions(shown)])


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
    lines = [
        f"Nuclei, one by one: DSB2018, {counts}, {first['minutes']:g} minutes each (`python -m bench.nuclei`); "
        "the rivals start without pretrained weights:",
        "",
        f"| program | {titles} | pictures a second |",
        "| --- " * (len(OBJECTS) + 2) + "|",
    ]
    for who, result in results.items():
        cells = [interval_text(result["scores"]["all"][name], digits) for name, (_, digits) in OBJECTS.items()]
        lines.append(f"| {PROGRAMS[who]} | {' | '.join(cells)} | {result['prediction']['pictures_per_second']:.1f} |")
    return [*lines, ""]


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
        f"Made {when} on {' and '.join(machines)}.{load} In brackets: 95 % bootstrap interval over pictures. "
        "smp's Unet has the same encoder, ImageNet weights, pictures and minutes, in a plain float32 loop "
        "(`bench/rivals/smp_unet.py`); one run each, seed 0."
    )


def insert(readme: str, text: str) -> str:
    """The README with the text between its markers.

    Raises:
        DataError: if the markers are not there once each, in order.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise DataError(f"README.md must hold {BEGIN} and below it {END}, once each; add them where the table goes")
    return readme[: readme.index(BEGIN) + len(BEGIN)] + "\n" + text + "\n" + readme[readme.index(END) :]


def main() -> None:
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}
    readme = REPOSITORY / "README.md"
    text = insert(readme.read_text(encoding="utf-8"), table(results))
    temporary = Path(f"{readme}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, readme)
    print(f"wrote {len(results)} results into README.md")


if __name__ == "__main__":
    exit_on_error(main)
