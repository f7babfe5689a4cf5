"""The tables of video for docs/benchmarks.md.

In:  results of `bench.video_lines`, `bench.video_tracking` and `bench.video_again`.
Out: lines of Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def video_tables(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """All tables of video whose results there are; none without results."""
    lines: list[str] = []
    if "video_lines" in results:
        lines += line_table(results["video_lines"])
    if "video_tracking" in results:
        lines += tracking_table(results["video_tracking"])
    if "video_again" in results:
        lines += again_sentences(results["video_again"])
    return lines


def line_table(result: Mapping[str, Any]) -> list[str]:
    """How many walks past a line were counted right, one row per kind of walk."""
    rivals = result["rivals"]
    lines = [
        f"Walks past a line that were counted right (`{result['command']}`; supervision {rivals['supervision']}, "
        f"Ultralytics {rivals['ultralytics']}):",
        "",
        "| walks | number | smalta | supervision | Ultralytics' rule |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, found in result["kinds"].items():
        right = " | ".join(str(found[who]) for who in ("smalta", "supervision", "ultralytics"))
        lines.append(f"| {kind} | {found['walks']} | {right} |")
    return [*lines, ""]


def tracking_table(result: Mapping[str, Any]) -> list[str]:
    """Scores of people who hide one another, one row per rate and program."""
    clips = result["clips"]
    lines = [
        f"{clips['people']} people who hide one another, {clips['number']} generated clips of {clips['seconds']:g} s, "
        f"{100 * clips['missed']:g} % of the masks missed and {100 * clips['split']:g} % split "
        "(`python -m bench.video_tracking`):",
        "",
        "| frames a second | program | IDF1 | HOTA | MOTA | switches |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for rate in result["rates"]:
        for who in ("smalta", *result["rivals"]):
            found = rate[who]
            scores = " | ".join(f"{found[name]:.3f}" for name in ("idf1", "hota", "mota"))
            lines.append(f"| {rate['fps']} | {who} | {scores} | {found['switches']} |")
    return [*lines, ""]


def again_sentences(result: Mapping[str, Any]) -> list[str]:
    """Logs that are the same again, and a day fed fast."""
    same, hours = result["same"], result["day"]["hours"]
    grown = hours[-1]["held_mib"] - hours[0]["held_mib"]
    return [
        f"Generated walkers, killed {same['kills']} times and continued: {same['clips_with_an_equal_log']} of "
        f"{same['clips']} logs are equal to the byte. A day fed fast: {grown:.1f} MiB more memory after hour "
        f"{hours[-1]['hour']} than after hour {hours[0]['hour']} (`python -m bench.video_again`).",
        "",
    ]
