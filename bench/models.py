"""The models that the benchmarks of answering use, written as one file each.

In:  SMALTA_DATA for CamVid; smalta through its command line.
Out: `.onnx` files in bench/work/models, and runs where there are none.

They are those of `bench.segment camvid` and `bench.panoptic scenes` where these have run. Else they are trained for a
minute, for how fast they answer depends on the network alone, not on what it has learnt.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from bench.common import WORK, run, smalta_command
from bench.panoptic import JOBS
from bench.prepare import prepared

MODELS = WORK / "models"
MINUTES = 1
WEIGHTS = "model.safetensors"  # in a run
PLAIN = "fp32"
PRECISION = "auto"  # of smalta's own model
DATA: dict[str, Callable[[], Path]] = {
    "semantic": lambda: prepared("camvid11"),  # 11 classes
    "objects": JOBS["scenes"].data,  # generated streets; people, cars and buses one by one
}


RUNS = {"semantic": WORK / "runs" / "camvid_smalta", "objects": WORK / "runs" / "panoptic_scenes"}


def trained(name: str) -> Path:
    """The run's folder of a model, with default settings.

    Args:
        name: "semantic" or "objects".
    """
    if (RUNS[name] / WEIGHTS).is_file():
        return RUNS[name]
    folder = MODELS / name
    if not folder.is_dir():
        draft = MODELS / f"{name}.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        run(*smalta_command(), "train", str(DATA[name]()), "--out", str(draft), "--minutes", str(MINUTES), "--quiet")
        draft.replace(folder)
    return folder


def exported(name: str, precision: str = PRECISION) -> Path:
    """The file of a model.

    Args:
        name: as for `trained`.
        precision: as `smalta export --precision` takes it.
    """
    folder, file = trained(name), MODELS / f"{name}_{precision}.onnx"
    if not file.is_file() or file.stat().st_mtime < (folder / WEIGHTS).stat().st_mtime:
        options = [] if precision == PLAIN else ["--precision", precision]
        run(*smalta_command(), "export", str(folder), "--out", str(file), *options)
    return file


def described(name: str) -> str:
    """Where a model comes from, for a result."""
    if trained(name) == RUNS[name]:
        return f"default settings, the run bench/work/runs/{RUNS[name].name}"
    return f"default settings, trained for {MINUTES} minute, so it has learnt little"
