"""What every benchmark shares: where the data lies, facts about the machine, results on the disk.

In:  SMALTA_DATA, a folder with the real data sets.
Out: bench/results/NAME.json. Results name no path of the machine that made them.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from smalta.errors import ConfigError, SmaltaError
from smalta.system.cores import usable_cores

REPOSITORY = Path(__file__).resolve().parent.parent
WORK = REPOSITORY / "bench" / "work"
RESULTS = REPOSITORY / "bench" / "results"
PACKAGES = ("smalta", "torch", "timm", "segmentation-models-pytorch", "numpy", "opencv-python-headless")


def data_root() -> Path:
    """The folder of the real data sets, from SMALTA_DATA.

    Raises:
        ConfigError: if the variable is not set, or is no folder.
    """
    stated = os.environ.get("SMALTA_DATA")
    if not stated:
        raise ConfigError(
            "SMALTA_DATA is not set: point it at the folder that holds camvid11, crackforest and the other sets, "
            "as in `SMALTA_DATA=../shared/data make bench`"
        )
    if not Path(stated).is_dir():
        raise ConfigError(f"SMALTA_DATA is {stated!r}, which is no folder: point it at the folder of the data sets")
    return Path(stated).resolve()


def machine_facts() -> dict[str, Any]:
    """Date, processor, memory, versions and commit: what a reader needs to judge a number."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    found = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor() or "unknown"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
        ).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if git("status", "-s", "src") else "")


@contextmanager
def recorded_load() -> Iterator[dict[str, Any]]:
    """Record what else ran on the machine while the block ran; the dictionary is full after the block.

    `load_before` and `load_after` are the load averages of one minute. `other_cores` is the mean number of cores
    that were busy with anything but this process and its children (None where the system does not tell).
    """
    facts: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 2)}
    busy, own, start = _busy_seconds(), _own_seconds(), time.monotonic()
    yield facts
    seconds = time.monotonic() - start
    facts["load_after"] = round(os.getloadavg()[0], 2)
    others = None if busy is None else (_busy_seconds() - busy - (_own_seconds() - own)) / seconds
    facts["other_cores"] = None if others is None else round(max(others, 0.0), 2)
    facts["wall_seconds"] = round(seconds, 1)


def _busy_seconds() -> float | None:
    """Seconds that all cores together were not idle since the start of the machine; stolen time counts as busy."""
    if not Path("/proc/stat").exists():
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_bytes() -> int | None:
    """Bytes of the most memory that this process held at a time; None where Linux does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)


def smalta_command() -> list[str]:
    """The `smalta` that stands beside this Python, as a command."""
    return [str(Path(sys.executable).with_name("smalta"))]


def smalta_log(folder: Path) -> list[dict[str, Any]]:
    """The events that a run of smalta wrote down."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def rival_python(name: str) -> str:
    """The Python of a rival's own environment, made from its requirements if it is not there or they changed."""
    folder = WORK / "venvs" / name
    wanted = (REPOSITORY / "bench" / "rivals" / f"requirements-{name}.txt").read_text(encoding="utf-8")
    done = folder / "requirements.txt"  # written last: without it the environment is not whole
    python = folder / "bin" / "python"
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        run(sys.executable, "-m", "venv", "--clear", str(folder))
        requirements = folder / "requirements.part"
        requirements.write_text(wanted, encoding="utf-8")
        run(str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements))
        requirements.replace(done)
    return str(python)


def run(*command: str, **variables: str) -> None:
    """Run a command, its output on this terminal.

    Args:
        command: and its arguments.
        variables: of its environment, beside those of this process.

    Raises:
        SystemExit: with the command's own exit code, if that is not 0.
    """
    print("$", " ".join(command), flush=True)
    # absolute, for the command starts in another folder
    environment = os.environ | {"SMALTA_DATA": str(data_root())} | variables
    code = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
    if code != 0:
        sys.exit(code)


def exit_on_error(main: Callable[[], None]) -> None:
    """Run a script; a fault of its input ends it with one sentence."""
    try:
        main()
    except SmaltaError as error:
        sys.exit(f"bench: {error}")


def write_result(name: str, result: dict[str, Any], *, scratch: bool = False) -> Path:
    """Write bench/results/NAME.json in one step, so that a reader never sees half a file.

    Args:
        name: of the file, without suffix.
        result: plain data.
        scratch: whether it is a try that must not stand among the results; then it goes to bench/work/results.

    Raises:
        ValueError: if the text holds a path of this machine.
    """
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    private = [str(REPOSITORY), str(Path.home()), sys.prefix]
    if os.environ.get("SMALTA_DATA"):
        private.append(str(data_root()))
    found = [path for path in private if len(path) > 1 and path in text]
    if found:
        raise ValueError(
            f"result {name!r} holds the path {found[0]!r} of this machine; write it relative or not at all"
        )
    folder = WORK / "results" if scratch else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    temporary = path.with_suffix(".json.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return path
