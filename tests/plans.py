"""A plan to obey."""

from __future__ import annotations

from typing import Any

from smalta.planning.plan import Plan, Rejected


def a_plan(**changes: Any) -> Plan:
    usual: dict[str, Any] = {
        "task": "inference",
        "size_hw": (480, 640),
        "device": "cpu",
        "layout": "channels_last",
        "precision": "bf16",
        "runtime": "openvino",
        "streams": 2,
        "threads": 1,
        "tile_hw": (256, 512),
        "batch": 1,
        "keep_memory": True,
        "memory_bytes": 2**28,
        "allowed_bytes": 2**32,
        "whole_pixels": 2**24,
        "predicted_seconds": 0.004,
        "latency_seconds": 0.008,
        "volume": 0.5,
        "volume_l3": 0.03,
        "intensity": 0.01,
        "cpu_seconds": 0.004,
        "gpu_seconds": 0.012,
        "gpu": "NVIDIA L4",
        "score": 0.25,
        "tie_pixels": 1e6,
        "caches": {"near": 0.5, "l3": 0.3, "memory": 0.2, "moved": 1e8, "loaded_again": 1e6},
        "reasons": {"device": "because"},
        "rejected": (Rejected(name="a", slower=2.0, why="b"), Rejected(name="c", slower=None, why="d")),
        "measured": {"a": 0.01},
    }
    return Plan(**(usual | changes))
