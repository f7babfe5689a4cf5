"""The options of a prediction job.

In:  a kind, names of outputs, a `Decoding`, the size of a pixel, rules for verdicts.
Out: `OutputOptions`.

Must not know: how outputs are made.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from smalta.answers.decoding import USUAL, Decoding
from smalta.answers.scale import Scale
from smalta.description.kinds import Kind
from smalta.errors import ConfigError
from smalta.results.registry import settings
from smalta.verdicts.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What to write for each picture.

    Attributes:
        kind: of the results; None for the model's own.
        outputs: names of optional outputs and of their settings, the same as the options of `smalta predict`, such as
            "overlay" or "channels-last".
        decoding: how classes are chosen; without a threshold in it, that of the model applies.
        scale: size of a pixel, for sizes in mm.
        rules: when a picture is bad; with rules, verdicts are written.

    Raises:
        ConfigError: if the name of an output is unknown.

    Example:
        >>> OutputOptions(outputs=["overlay"]).outputs
        frozenset({'overlay'})
    """

    kind: Kind | None = None
    outputs: Collection[str] = frozenset()
    decoding: Decoding = USUAL
    scale: Scale | None = None
    rules: Rules | None = None

    def __post_init__(self) -> None:
        known = [setting.name for setting in settings()]
        if unknown := sorted(set(self.outputs) - set(known)):
            raise ConfigError(f"the output {unknown[0]!r} is unknown; outputs are {', '.join(known)}")
        object.__setattr__(self, "outputs", frozenset(self.outputs))

    def to_dict(self) -> dict[str, Any]:
        """The options as plain data, which identify a job."""
        return {
            "kind": self.kind,
            "outputs": sorted(self.outputs),
            **asdict(self.decoding),
            "scale": None if self.scale is None else self.scale.mm_per_px,
            "rules": None if self.rules is None else self.rules.to_dict(),
        }
