from pathlib import Path

from smalta.system.cgroup import cpu_quota, memory_left, memory_limit

MIB = 2**20


def fake(root: Path, cgroup: str, mounts: str, **files: str) -> Path:
    """A file system in a folder; in names of files, __ stands for / and . stays."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    (root / "proc/self/mountinfo").write_text(mounts)
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
V1 = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def test_version_2_limits_by_the_tightest_of_the_groups_above(tmp_path: Path) -> None:
    root = fake(
        tmp_path,
        "0::/pod/box\n",
        V2,
        **{
            "sys__fs__cgroup__pod__cpu.max": "150000 100000\n",
            "sys__fs__cgroup__pod__box__cpu.max": "max 100000\n",
            "sys__fs__cgroup__pod__memory.max": str(512 * MIB),
            "sys__fs__cgroup__pod__memory.current": str(200 * MIB),
            "sys__fs__cgroup__pod__memory.stat": f"anon 1\ninactive_file {50 * MIB}\n",
            "sys__fs__cgroup__pod__box__memory.max": "max\n",
            "sys__fs__cgroup__pod__box__memory.current": str(100 * MIB),
        },
    )

    assert cpu_quota(root) == 1.5
    assert memory_limit(root) == 512 * MIB
    assert memory_left(root) == (512 - (200 - 50)) * MIB


def test_version_1_has_a_tree_for_each_controller(tmp_path: Path) -> None:
    root = fake(
        tmp_path,
        "4:memory:/box\n1:cpu,cpuacct:/box\n0::/\n",
        V1,
        **{
            "sys__fs__cgroup__cpu,cpuacct__box__cpu.cfs_quota_us": "50000",
            "sys__fs__cgroup__cpu,cpuacct__box__cpu.cfs_period_us": "100000",
            "sys__fs__cgroup__memory__box__memory.limit_in_bytes": str(64 * MIB),
            "sys__fs__cgroup__memory__box__memory.usage_in_bytes": str(60 * MIB),
            "sys__fs__cgroup__memory__box__memory.stat": f"inactive_file 0\ntotal_inactive_file {10 * MIB}\n",
            "sys__fs__cgroup__memory__memory.limit_in_bytes": "9223372036854771712",
            "sys__fs__cgroup__memory__memory.usage_in_bytes": "1",
        },
    )

    assert cpu_quota(root) == 0.5
    assert memory_limit(root) == 64 * MIB
    assert memory_left(root) == 14 * MIB


def test_in_a_container_the_tree_begins_at_the_group_itself(tmp_path: Path) -> None:
    root = fake(
        tmp_path,
        "0::/docker/0123\n",
        V2,
        **{"sys__fs__cgroup__memory.max": str(MIB), "sys__fs__cgroup__memory.current": str(2 * MIB)},
    )

    assert memory_limit(root) == MIB
    assert memory_left(root) == 0  # never below


def test_without_groups_or_limits_nothing_is_limited(tmp_path: Path) -> None:
    unlimited = fake(tmp_path / "a", "0::/\n", V2, **{"sys__fs__cgroup__cpu.max": "max 100000"})

    for root in (unlimited, tmp_path / "no-proc"):
        assert (cpu_quota(root), memory_limit(root), memory_left(root)) == (None, None, None)
