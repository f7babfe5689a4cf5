"""The files at the root that every format heeds."""

from __future__ import annotations

from pathlib import Path

from folder_sets import pair
from smalta.data.any_format import open_dataset


def test_groups_at_the_root_keep_look_alikes_together_and_spread_the_classes(tmp_path: Path) -> None:
    for i in range(20):
        pair(tmp_path, f"p{i:02}", [0, 1] if i % 10 < 5 else [0, 2])
    (tmp_path / "groups.txt").write_text("".join(f"p{i:02}.png g{i // 2}\n" for i in range(20)))

    data = open_dataset(tmp_path)

    side = {entry.name: split for split, members in data.splits.items() for entry in members}
    assert all(side[f"p{i:02}"] == side[f"p{i + 1:02}"] for i in range(0, 20, 2))
    assert {len(data.split("val")), len(data.split("test"))} <= {2, 4}
    assert "by the groups in groups.txt" in data.notes[-1]
