"""All outputs, each in a module of its own. A new one is a module and its entry in `OUTPUTS`.

In:  the kind of the answers, what is asked for.
Out: the outputs that a job writes.

Imported by the command line at its start, so nothing here imports numpy.

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
from smalta.results.probability_files import PROBABILITIES

# in the order of the help, and of what is written for a picture that is answered in parts
OUTPUTS: tuple[Output, ...] = (
    CLASSES,
    INSTANCES,
    OBJECTS,
    PANOPTIC,
    OVERLAY,
    GEOJSON,
    COCO,
    PROBABILITIES,
)


def settings() -> tuple[Setting, ...]:
    """Whatever may be asked for, in the order of the help: outputs, each followed by its details."""
    found: list[Setting] = []
    for output in OUTPUTS:
        if output.help is not None:
            found.append(Setting(name=output.name, help=output.help))
        found += output.settings
    return tuple(found)


def wanted(kind: Kind, asked: Collection[str]) -> tuple[Output, ...]:
    """The outputs that answers of a kind get: those that are always written, and those of these names."""
    return tuple(o for o in OUTPUTS if kind in o.kinds and (o.help is None or o.name in asked))


def check_asked(kind: Kind, asked: Collection[str]) -> None:
    """Raise ConfigError if an output is asked for that answers of this kind do not have."""
    for output in OUTPUTS:
        if output.name in asked and kind not in output.kinds:
            raise ConfigError(
                f"--{output.name} is for the kinds {' and '.join(output.kinds)}, and the kind is {kind!r}; "
                f"omit --{output.name}, or ask for another --kind"
            )


def check_in_parts(outputs: Collection[Output], picture: Path, size_hw: tuple[int, int]) -> None:
    """Raise DataError if an output is asked for that a picture which is answered in parts cannot get."""
    refused = [f"--{output.name}" for output in outputs if output.help is not None and output.in_parts is None]
    if refused:
        raise DataError(
            f"{picture} has {size_hw[0]} x {size_hw[1]} pixels and is processed in tiles, which cannot give "
            f"{' and '.join(refused)}; omit that, cut the picture into smaller ones, or set a higher --memory"
        )
