"""List all outputs. A new output is a module of its own and its entry in `OUTPUTS`.

In:  the kind of the results, names of requested outputs.
Out: the outputs that a job writes.

The command line imports this module at its start, so it does not import numpy.

Must not know: how an output is made.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from smalta.description.kinds import Kind
from smalta.errors import ConfigError, DataError
from smalta.results.class_maps import CLASSES
from smalta.results.coco_instances import COCO
from smalta.results.instance_maps import INSTANCES
from smalta.results.object_geojson import GEOJSON
from smalta.results.object_table import OBJECTS
from smalta.results.output import Output, Setting
from smalta.results.overlays import OVERLAY
from smalta.results.panoptic_files import PANOPTIC
from smalta.results.presence_table import PRESENCE
from smalta.results.probability_files import PROBABILITIES
from smalta.results.verdict_table import VERDICTS

# in the order of the help, and of writing for a picture that is processed in parts
OUTPUTS: tuple[Output, ...] = (
    CLASSES,
    PRESENCE,
    VERDICTS,
    INSTANCES,
    OBJECTS,
    PANOPTIC,
    OVERLAY,
    GEOJSON,
    COCO,
    PROBABILITIES,
)


def settings() -> tuple[Setting, ...]:
    """All options in the order of the help: optional outputs, each followed by its settings."""
    found: list[Setting] = []
    for output in OUTPUTS:
        if output.help is not None:
            found.append(Setting(name=output.name, help=output.help))
        found += output.settings
    return tuple(found)


def wanted(kind: Kind, asked: Collection[str], *, rules: bool = False) -> tuple[Output, ...]:
    """The outputs of a kind of results: always written ones, with `rules` those that need rules, and requested ones."""
    return tuple(
        output
        for output in OUTPUTS
        if kind in output.kinds and (output.help is None or output.name in asked) and (rules or not output.needs_rules)
    )


def check_asked(kind: Kind, asked: Collection[str]) -> None:
    """Raise ConfigError if a requested output does not exist for this kind of results."""
    for output in OUTPUTS:
        if output.name in asked and kind not in output.kinds:
            raise ConfigError(
                f"--{output.name} is for the kinds {' and '.join(output.kinds)}, and the kind is {kind!r}; "
                f"omit --{output.name}, or set another --kind"
            )


def check_in_parts(outputs: Collection[Output], picture: Path, size_hw: tuple[int, int]) -> None:
    """Raise DataError if a requested output cannot be written for a picture that is processed in parts."""
    refused = [f"--{output.name}" for output in outputs if output.help is not None and output.in_parts is None]
    if refused:
        raise DataError(
            f"{picture} has {size_hw[0]} x {size_hw[1]} pixels and is processed in tiles, which cannot give "
            f"{' and '.join(refused)}; omit that, cut the picture into smaller ones, or set a higher --memory"
        )
