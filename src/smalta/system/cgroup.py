"""The limits of a container: processor time and memory of the process's control groups, on Linux only.

In:  /proc/self/cgroup, /proc/self/mountinfo and the files that they name; both versions of control groups.
Out: numbers; None without a limit.

Must not know: what the limits are for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_NO_LIMIT = 2**60  # version 1 writes a number near 2^63 for "no limit"


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Seconds of processor time per second that the process may use, such as 1.5; None without a limit.

    Args:
        root: of the file system; tests give a folder.
    """
    quotas = []
    for folder, version in _folders(root, "cpu"):
        if version == 2:
            quota, _, period = (_text(folder / "cpu.max") or "max").partition(" ")
        else:
            quota, period = _text(folder / "cpu.cfs_quota_us") or "-1", _text(folder / "cpu.cfs_period_us") or ""
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that the process and its group may use together; None without a limit."""
    return min((limit for limit, _ in _memory(root)), default=None)


def memory_left(root: Path = Path("/")) -> int | None:
    """Unused bytes under the tightest limit; cached files that the kernel would drop count as free."""
    return min((max(limit - used, 0) for limit, used in _memory(root)), default=None)


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each group that has a limit, bytes."""
    for folder, version in _folders(root, "memory"):
        names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        limit, used = (_text(folder / name) or "" for name in names)
        if limit.isdigit() and used.isdigit() and int(limit) < _NO_LIMIT:
            facts = dict(
                line.split(" ", 1) for line in (_text(folder / "memory.stat") or "").splitlines() if " " in line
            )
            droppable = facts.get("inactive_file" if version == 2 else "total_inactive_file", "0")
            yield int(limit), int(used) - int(droppable)


def _folders(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """The process's group and all groups above it, each with the version of its hierarchy."""
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, group = line.split(":", 2)
        version = 1 if controllers else 2
        if version == 1 and controller not in controllers.split(","):
            continue
        for mount in _mounts(root, version, controller):
            inside = group.strip("/")
            while True:
                if (mount / inside).is_dir():
                    yield mount / inside, version
                if not inside:  # in a container the group itself may be mounted as the root, so its path does not exist
                    break
                inside = inside.rpartition("/")[0]


def _mounts(root: Path, version: int, controller: str) -> Iterator[Path]:
    for line in (_text(root / "proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" if version == 2 else kind == "cgroup" and controller in options.split(","):
            yield root / left.split(" ")[4].lstrip("/")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
