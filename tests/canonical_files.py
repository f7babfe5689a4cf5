"""What result files say, without what differs between machines and moments: one entry per file.

In:  a folder of results.
Out: by path, the digest of a file's content, and where it holds floats, sums of these.

Pictures are decoded and JSON is parsed, so how a file is packed does not count. Floats are no part of the digest: the
last bit of an exponential depends on the processor. Their number and two sums stand beside it, and `differences`
compares the sums with a tolerance, or exactly where both were made on one machine.

Must not know: smalta.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from PIL import Image

Entry = str | list[Any]  # a digest; or the digest, the number of floats, their sum, and their weighted sum
Entries = dict[str, dict[str, Entry]]  # by run and file

# sentences, which may be worded anew, and what depends on the moment
LEFT_OUT = {"definitions", "fix", "measured", "message", "model", "note", "notes", "reason", "reasons", "rejected"}
LEFT_OUT |= {"bytes", "modified", "smalta"}
SKIPPED = {".onnx", ".safetensors"}
_FLOAT = re.compile(r"-?\d+\.\d+")
_GOLDEN = 0.6180339887498949


def entries(folder: Path) -> dict[str, Entry]:
    """An entry for each file below a folder, by its path there; a Zarr array counts as a file."""
    return {path.relative_to(folder).as_posix(): entry(path) for path in _files(folder) if path.suffix not in SKIPPED}


def entry(path: Path) -> Entry:
    """The entry of one file."""
    match path.suffix:
        case ".png":
            with Image.open(path) as image:
                return _of_arrays(np.asarray(image), np.array(image.getpalette() or [], np.uint8))
        case ".tif":
            return _of_arrays(tifffile.imread(path))
        case ".zarr":
            return _of_arrays(np.asarray(zarr.open_array(path, mode="r")[:]))
        case ".npz":
            with np.load(path) as arrays:
                return _of_arrays(*(arrays[name] for name in sorted(arrays)))
        case ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                return of_values([[_number(cell) for cell in line] for line in csv.reader(file)])
        case ".json" | ".geojson":
            return of_values(json.loads(path.read_text(encoding="utf-8")))
        case ".jsonl":
            return of_values([_of_line(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()])
    return _digest(path.read_bytes())


def of_values(values: Any) -> Entry:
    """The entry of parsed JSON."""
    floats: list[float] = []
    exact = json.dumps(_exact(values, floats), sort_keys=True).encode()
    return _entry(exact, np.array(floats))


def differences(expected: Entries, found: Entries, *, tolerant: bool) -> list[str]:
    """A line for each file that is missing, new, or says something else.

    Args:
        expected: what was recorded.
        found: what there is now.
        tolerant: whether sums of floats may differ as much as processors make them.
    """
    lines = []
    for run in dict.fromkeys([*expected, *found]):
        before, after = expected.get(run, {}), found.get(run, {})
        for name in dict.fromkeys([*before, *after]):
            if name not in after:
                lines.append(f"{run}: {name} is missing")
            elif name not in before:
                lines.append(f"{run}: {name} is new")
            elif not _same(before[name], after[name], tolerant):
                lines.append(f"{run}: {name} differs: {before[name]} before, {after[name]} now")
    return lines


def _same(before: Entry, after: Entry, tolerant: bool) -> bool:
    if isinstance(before, str) or isinstance(after, str) or not tolerant:
        return before == after
    allowed = 1e-3 + 1e-7 * before[1]  # the fourth decimal of a few scores, the last bit of many probabilities
    return before[:2] == after[:2] and all(abs(a - b) <= allowed for a, b in zip(before[2:], after[2:], strict=True))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.suffix != ".zarr":
            yield from _files(path)
        else:
            yield path


def _of_line(line: dict[str, Any]) -> Any:
    """A line of a manifest without the lines of tables in it, which stand in files of their own."""
    return {key: value for key, value in line.items() if key != "added"}


def _number(cell: str) -> str | float:
    return float(cell) if _FLOAT.fullmatch(cell) else cell


def _exact(values: Any, floats: list[float]) -> Any:
    """The values without their floats, which go into a list."""
    if isinstance(values, Mapping):
        return {key: _exact(values[key], floats) for key in sorted(values) if key not in LEFT_OUT}
    if isinstance(values, list):
        return [_exact(value, floats) for value in values]
    if isinstance(values, float):
        floats.append(values)
        return "float"
    return values


def _of_arrays(*arrays: np.ndarray) -> Entry:
    """Of floats, which lie in 0..1, the digest says where they reach one half."""
    exact = b"".join(
        f"{array.dtype}{array.shape}".encode() + (array >= 0.5 if array.dtype.kind == "f" else array).tobytes()
        for array in arrays
    )
    return _entry(exact, np.concatenate([array.ravel() for array in arrays if array.dtype.kind == "f"] or [[]]))


def _entry(exact: bytes, floats: np.ndarray) -> Entry:
    if len(floats) == 0:
        return _digest(exact)
    values = floats.astype(np.float64)
    weights = np.arange(len(values)) * _GOLDEN % 1
    return [_digest(exact), len(values), *(round(float(v), 6) for v in (values.sum(), (values * weights).sum()))]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
