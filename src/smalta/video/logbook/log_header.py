"""What a log is about, and why a watch may not go on with another's log.

In:  digests of model and rules, the source, what is counted.
Out: `LogHeader`; the value of the log's first line.

Must not know: files, events, models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from smalta.errors import DataError
from smalta.system.records import read_record, shown

FORMAT = 1
_NAMES = {
    "model": "the model",
    "rules": "the rules",
    "source": "the source",
    "size_hw": "pictures of the size (height, width)",
    "settings": "the settings",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHeader:
    """What decides about the events of a log.

    Attributes:
        model: digest of the model.
        rules: digest of the rules.
        source: as it is shown, without a password.
        size_hw: of the pictures, pixels.
        live: whether frames that were not seen cannot be seen again.
        lines: path of the class that crosses, by name of the line.
        zones: path of the class that is counted, by name of the zone; empty for all things.
        events: names of the rules.
        settings: what else decides about events, such as the pace; plain data.
        format: of the log.
    """

    model: str
    rules: str
    source: str
    size_hw: tuple[int, int]
    live: bool = False
    lines: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def to_value(self) -> dict[str, Any]:
        """Plain data, for the value of the event "start"."""
        return asdict(self) | {"size_hw": list(self.size_hw), "events": list(self.events)}

    @classmethod
    def of_value(cls, value: object, where: str) -> Self:
        """Read the value of the event "start".

        Raises:
            DataError: if it is not the header of a log that this version reads.
        """
        fix = "name the events.jsonl of `smalta watch`"
        header = read_record(cls, value, what=f"the header of {where}", fix=fix, error=DataError, complete=True)
        if header.format != FORMAT:
            raise DataError(
                f"{where} has the format {header.format}, and this version of smalta reads the format {FORMAT}; "
                "use the version that wrote it"
            )
        return header

    def difference(self, other: LogHeader) -> str | None:
        """What another header has that this one has not, as part of a sentence; None if they agree.

        Names of lines, zones and rules follow from the rules and are not compared.

        Args:
            other: of the watch that asks.
        """
        for name, words in _NAMES.items():
            held, asked = getattr(self, name), getattr(other, name)
            if held != asked:
                return f"{words} {_short(held)}, and this watch has {_short(asked)}"
        return None


def _short(value: object) -> str:
    """A value for a sentence; mappings as their entries."""
    if isinstance(value, Mapping):
        entries = {key: str(entry) if isinstance(entry, list) else shown(entry) for key, entry in value.items()}
        return ", ".join(f"{key} {text}" for key, text in entries.items()) or "none"
    return str(value) if isinstance(value, tuple) else shown(value)
