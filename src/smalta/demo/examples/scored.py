"""Scores with those of a trivial answer beside them, as text.

In:  the report of `evaluate`.
Out: one line.

Must not know: any one example.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def level_line(report: Mapping[str, Any], levels: Mapping[int, str]) -> str:
    """Mean IoU at levels of the class tree, beside that of answering the most frequent class everywhere.

    Args:
        report: of `evaluate`.
        levels: by level, what it asks in a few words.
    """
    parts = []
    for level, asked in levels.items():
        row = report["levels"][level - 1]
        shares = [entry["truth_share"] for entry in row["classes"] if entry["state"] == "present"]
        trivial = max(shares) / len(shares)  # IoU of the most frequent class, and 0 for the others
        parts.append(f"{asked} {row['mean_iou']:.2f} (always the most frequent class: {trivial:.2f})")
    return f"mean IoU on {report['n_pictures']} unseen pictures: {'; '.join(parts)}"
