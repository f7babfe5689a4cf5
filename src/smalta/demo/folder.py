"""The folder of a demo: each item in it is whole or absent, also after Ctrl-C.

In:  the folder; blocks of work that write an item.
Out: the items; lines about progress.

Must not know: what the items are.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from smalta.errors import ConfigError
from smalta.system.records import parse_json
from smalta.system.whole_files import write_bytes

SUMMARY = "demo.json"
DRAFT = ".unfinished"


class DemoFolder:
    """A folder that a demo fills.

    Args:
        root: the folder; it is made with the first item.
        console: for lines about progress.
        started: `time.monotonic()` at the start of the program.
    """

    def __init__(self, root: Path, console: Console, started: float) -> None:
        self.root, self.console, self.started = root, console, started

    def check_new(self) -> None:
        """Raise ConfigError if the folder is a file or holds anything."""
        if self.root.is_file() or (self.root.is_dir() and any(self.root.iterdir())):
            raise ConfigError(f"{self.root} is not empty; name a new folder with --out")

    @property
    def seconds(self) -> float:
        """Since the start of the program."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """Print a line with the seconds since the start."""
        self.console.print(f"[dim]{self.seconds:4.0f} s[/]  {text}")

    @contextmanager
    def item(self, name: str) -> Iterator[Path]:
        """A path to write an item to; the item gets its name at the end of the block, and is removed on an error."""
        draft, place = self.root / DRAFT / Path(name).name, self.root / name
        draft.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            place.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(place)
        finally:
            shutil.rmtree(self.root / DRAFT, ignore_errors=True)

    def record(self, part: str, facts: Mapping[str, Any]) -> None:
        """Write facts about a part into the summary, beside those of other parts."""
        summary = self.summary() | {part: dict(facts)}
        write_bytes(self.root / SUMMARY, (json.dumps(summary, indent=1) + "\n").encode())

    def summary(self) -> dict[str, Any]:
        """The facts of all parts so far."""
        path = self.root / SUMMARY
        return dict(parse_json(path.read_bytes())) if path.is_file() else {}

    def stopped(self, go_on: str = "to start again, remove it or name a new folder with --out") -> None:
        """Print what is there after Ctrl-C, and how to go on."""
        names = sorted(path.name + "/" * path.is_dir() for path in self.root.glob("[!.]*"))
        here = escape(str(self.root))
        if names:
            listed = escape(", ".join(names))
            self.console.print(f"stopped; in {here} these are finished, and nothing is half written: {listed}; {go_on}")
            return
        self.console.print(f"stopped before anything was finished; {here} holds nothing")
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()
