"""What a model's numbers mean: its class tree, the shape of its network, its threshold, how it was trained.

In:  those four, or the plain data that a model file carries.
Out: `ModelInfo`, `NetworkConfig`.

Must not know: PyTorch, so that a model which runs without PyTorch can be read without it; files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from smalta.answers.count_intervals import CountCalibration
from smalta.answers.fields import CENTER, LOGITS, OFFSETS, SEMANTIC, VALUE_LOGITS, attribute_field
from smalta.answers.grouping import GroupingRule
from smalta.classes import ClassTree
from smalta.description.kinds import KINDS, OBJECT_KINDS, Kind
from smalta.errors import ConfigError, ModelError

# leaves up to which the loss raises the logits to the size of the labels; of 133, 8 views of 320 px held 400 MB of them
MOST_AT_FULL_SIZE = 48
DEFAULT_ENCODER = "tf_efficientnet_lite0"
FORMAT_VERSION = 1
Precision = Literal["fp32", "bf16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")
LEAST_BF16_GAIN = 1.2  # measured rate against fp32: below, the processor has no bf16 arithmetic of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """What a network is built from.

    Attributes:
        encoder: a timm name, or "plain".
        stride: side of the picture divided by side of the logits: 4, 2 or 1.
        width: channels of the decoder at stride 4.
        n_leaves: channels of the semantic head.
        n_attribute_values: channels of the attribute head, over all attributes.
        objects: whether there are heads for the centres of objects and for the way to them.
    """

    n_leaves: int
    n_attribute_values: int = 0
    objects: bool = False
    encoder: str = DEFAULT_ENCODER
    stride: int = 4
    width: int = 96

    def __post_init__(self) -> None:
        if self.stride not in (1, 2, 4):
            raise ConfigError(f"stride must be 1, 2 or 4, got {self.stride}")
        if not 12 <= self.width <= 1024 or self.width % 12:
            raise ConfigError(f"width must be a multiple of 12 in 12..1024, got {self.width}")
        if not 2 <= self.n_leaves <= 4096 or not 0 <= self.n_attribute_values <= 4096:
            raise ConfigError(f"a network has 2 to 4096 leaves and 0 to 4096 attribute values, got {self}")

    @classmethod
    def for_tree(cls, tree: ClassTree, **settings: Any) -> Self:
        """The configuration whose heads answer for a class tree."""
        n_values = tree.attributes[-1].stop if tree.attributes else 0
        return cls(n_leaves=tree.n_leaves, n_attribute_values=n_values, **settings)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON; a misspelt key is an error."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ConfigError(f"unknown keys {unknown} in the network configuration; known keys are {sorted(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a network's weights mean.

    Attributes:
        tree: the classes that its channels score.
        network: what it is built from.
        kind: what it answers unless asked otherwise: "binary", "semantic", "instance" or "panoptic".
        threshold: for a tree of two leaves, the probability from which on a pixel is the second; None for a half.
        grouping: when pixels are an object, for networks with heads for objects.
        counting: how far counts may be off, learned on validation pictures; None where there were no objects.
        precision: in which an exported model multiplies, where the machine can.
        facts: how it was trained and what it reached, for people and reports.
    """

    tree: ClassTree
    network: NetworkConfig
    kind: Kind = "semantic"
    threshold: float | None = None
    grouping: GroupingRule = field(default_factory=GroupingRule)
    counting: CountCalibration | None = None
    precision: Precision = "fp32"
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, int]:
        """Channels of the fields that the network gives, by name (`smalta.answers.fields`), in the order of outputs."""
        channels = {SEMANTIC: self.tree.n_leaves}
        channels |= {attribute_field(a.name): len(a.values) for a in self.tree.attributes}
        return channels | ({CENTER: 1, OFFSETS: 2} if self.network.objects else {})

    @property
    def maps(self) -> dict[str, int]:
        """Channels of the maps that a runtime answers with, by name (`smalta.answers.fields`)."""
        channels = {LOGITS: self.tree.n_leaves}
        if self.network.n_attribute_values:
            channels[VALUE_LOGITS] = self.network.n_attribute_values
        return channels | ({CENTER: 1, OFFSETS: 2} if self.network.objects else {})

    @property
    def outputs(self) -> dict[str, int]:
        """Channels of an exported model's outputs, by name, in their order: fields, then the maps that are none."""
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
            "precision": self.precision,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelInfo:
        """Build from parsed JSON.

        Raises:
            ModelError: if the format is newer than this program, a key is missing, or a value is of the wrong kind.
            ClassTreeError, ConfigError: if the class tree or the network breaks a rule.
        """
        if not isinstance(values, Mapping):
            raise ModelError(f"its description is a {type(values).__name__}, not a mapping; train or export it again")
        version = values.get("format_version")
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise ModelError(f"its format version is {version}, this smalta reads up to {FORMAT_VERSION}: update it")
        for key, kinds in (
            ("tree", (Mapping,)),
            ("network", (Mapping,)),
            ("kind", (str,)),
            ("threshold", (float, int, type(None))),
            ("grouping", (Mapping,)),
            ("counting", (Mapping, type(None))),
            ("facts", (Mapping,)),
        ):
            if key not in values:
                raise ModelError(f"it lacks the entry {key!r}; train or export it again")
            if not isinstance(values[key], kinds):
                raise ModelError(f"its entry {key!r} is {str(values[key])[:40]!r}; train or export it again")
        tree = ClassTree.from_dict(values["tree"])
        try:
            config = NetworkConfig.from_dict(values["network"])
            grouping = GroupingRule.from_dict(values["grouping"])
            counting = None if values["counting"] is None else CountCalibration.from_dict(values["counting"])
        except TypeError as error:  # a value is missing, or is no number
            raise ModelError(f"its network or grouping rule is damaged ({error}); train or export it again") from error
        chosen = {name: getattr(config, name) for name in ("objects", "encoder", "stride", "width")}
        if config != NetworkConfig.for_tree(tree, **chosen):
            raise ModelError("its class tree and its network do not fit each other; train or export it again")
        if grouping.min_stuff and len(grouping.min_stuff) != len(tree) + 1:
            raise ModelError("its limits of stuff and its class tree do not fit each other; train or export it again")
        if counting and not counting.nodes.keys() <= {node.path for node in tree}:
            raise ModelError("its counts and its class tree do not fit each other; train or export it again")
        kind = values["kind"]
        if kind not in KINDS or (kind in OBJECT_KINDS and not config.objects):
            raise ModelError(f"its kind {kind!r} and its network do not fit each other; train or export it again")
        precision = values.get("precision", "fp32")  # a run's folder need not say it
        if precision not in PRECISIONS:
            raise ModelError(f"its precision is {str(precision)[:40]!r}, this smalta knows {', '.join(PRECISIONS)}")
        return cls(
            tree=tree,
            network=config,
            kind=kind,
            threshold=values["threshold"],
            grouping=grouping,
            counting=counting,
            precision=precision,
            facts=values["facts"],
        )
