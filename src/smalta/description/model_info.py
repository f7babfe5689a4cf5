"""The description of a model: its class tree, the shape of its network, its threshold, its training.

In:  those four, or the plain data of a model file.
Out: `ModelInfo`.

Must not know: PyTorch, so that a model which runs without PyTorch can be read without it; files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from smalta.answers.count_intervals import CountCalibration
from smalta.answers.fields import heads_of
from smalta.answers.grouping import GroupingRule
from smalta.answers.presence_calibration import PresenceCalibration
from smalta.classes import ClassTree
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.description.network_config import NetworkConfig
from smalta.errors import ModelError
from smalta.system.records import check_keys, read_record, shown

# up to this many leaves the loss upsamples the logits to the size of the labels; with 133 leaves, the logits of 8 crops
# of 320 px took 400 MB
MOST_AT_FULL_SIZE = 48
FORMAT_VERSION = 1
WHAT, FIX = "its description", "train or export it again"  # in sentences; "it" is the model
Precision = Literal["fp32", "bf16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
LEAST_GAIN = 1.2  # measured speed relative to fp32; a precision that gains less is not worth its rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The description of a network's weights.

    Attributes:
        tree: the classes that its channels score.
        network: its configuration.
        kind: its usual answer: "binary", "semantic", "instance" or "panoptic".
        threshold: for a tree of two leaves, the least probability of the second leaf; None for a half.
        grouping: when pixels are an object, for networks with heads for objects.
        counting: errors of counts, learned on validation pictures; None if they had no objects.
        presence: how sure evidence of a node makes its presence, learned on validation pictures; None if not learned.
        precision: in which an exported model multiplies, if the machine can.
        facts: its training and its scores, for reports.
    """

    tree: ClassTree
    network: NetworkConfig
    kind: Kind = "semantic"
    threshold: float | None = None
    grouping: GroupingRule = field(default_factory=GroupingRule)
    counting: CountCalibration | None = None
    presence: PresenceCalibration | None = None
    precision: Precision = "fp32"
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, int]:
        """Channels of the fields that the network gives, by name (`smalta.answers.fields`), in the order of outputs."""
        sizes: dict[str, int] = {}
        for head in heads_of(self.network):
            channels = range(head.channels(self.network))
            sizes |= {name: len(channels[part]) for name, part in head.fields(self.tree.attributes).items()}
        return sizes

    @property
    def maps(self) -> dict[str, int]:
        """Channels of the maps that a runtime answers with, by name (`smalta.answers.fields`)."""
        return {head.map: head.channels(self.network) for head in heads_of(self.network)}

    @property
    def outputs(self) -> dict[str, int]:
        """Channels of an exported model's outputs, by name, in their order: fields, then the other maps."""
        return self.fields | {name: size for name, size in self.maps.items() if name not in self.fields}

    def to_dict(self) -> dict[str, Any]:
        """The information as plain data."""
        return {
            "format_version": FORMAT_VERSION,
            "tree": self.tree.to_dict(),
            "network": self.network.to_dict(),
            "kind": self.kind,
            "threshold": self.threshold,
            "grouping": self.grouping.to_dict(),
            "counting": self.counting.to_dict() if self.counting else None,
            "presence": self.presence.to_dict() if self.presence else None,
            "precision": self.precision,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ModelError: if the format is newer than this program, a key is unknown or missing, a value has the wrong
                type, or the parts do not fit each other.
            ClassTreeError, ConfigError: if a part breaks a rule of its own.
        """
        stated = check_keys(values, None, what=WHAT, fix=FIX, required=("format_version",), error=ModelError)
        version = stated["format_version"]
        if type(version) is not int or version > FORMAT_VERSION:
            raise ModelError(
                f"its format version is {shown(version)}, but this smalta reads at most {FORMAT_VERSION}; update smalta"
            )
        # a run's folder may omit the precision, and a model without calibration its presence
        entries = {"precision": "fp32", "presence": None} | {
            key: value for key, value in stated.items() if key != "format_version"
        }
        info = read_record(cls, entries, what=WHAT, fix=FIX, error=ModelError, complete=True)
        if misfit := info._misfit():
            raise ModelError(f"its {misfit} do not fit each other; {FIX}")
        return info

    def _misfit(self) -> str | None:
        """Which two parts contradict each other; None if all fit."""
        fitting = NetworkConfig.for_tree(self.tree)
        sizes = {name: getattr(fitting, name) for name in ("n_leaves", "n_attribute_values")}
        if self.network != replace(self.network, **sizes):
            return "class tree and its network"
        if self.grouping.min_stuff and len(self.grouping.min_stuff) != len(self.tree) + 1:
            return "limits of stuff and its class tree"
        if self.counting and not self.counting.nodes.keys() <= {node.path for node in self.tree}:
            return "counts and its class tree"
        if self.presence and not self.presence.nodes.keys() <= {node.path for node in self.tree}:
            return "presence and its class tree"
        if self.kind in OBJECT_KINDS and not self.network.objects:
            return f"kind {self.kind!r} and its network"
        return None
