from __future__ import annotations

import json
from typing import Any

from bench.cachegrind import cases
from bench.common import RESULTS


def test_the_result_has_every_case() -> None:
    recorded: list[dict[str, Any]] = json.loads((RESULTS / "cachegrind.json").read_text())["cases"]

    assert [{name: row[name] for name in ("order", "side", "channels")} for row in recorded] == cases()
    assert all(row["D1"] >= row["LLd"] > 0 for row in recorded)
