"""The label formats that smalta knows, in the order in which it tries them.

In:  nothing. A new format is a module beside this one and a line in `FORMATS`.
Out: `Format`: the names of a format, and its module, which the first use imports.

Help texts are made from these lines, so this module stays light: it imports no format and no numpy. A format's module
has the members that `FormatModule` lists, and imports neither this module nor another format.

Must not know: how any one format stores labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from smalta.classes import ClassTree
    from smalta.data.dataset import Dataset


class FormatModule(Protocol):
    """The members of a format's module."""

    LOOKED_FOR: str  # the files and folders by which the format is recognised, for the message that none fits

    def recognises(self, root: Path) -> bool:
        """Whether a folder is in this format, by the names of its files and at most a few words in them."""
        ...

    def open_folder(self, root: Path, classes: ClassTree | None, seed: int) -> Dataset:
        """List the pictures and labels of a folder that `recognises` accepts.

        Args:
            root: the folder.
            classes: the tree that the user gives, instead of the data set's own.
            seed: of the random splits, where the data set brings none.
        """
        ...

    def write(self, source: Dataset, out: Path) -> list[str]:
        """Write a data set into an empty folder; only formats with `writes` have this function.

        Returns:
            Sentences about what the format cannot hold.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One label format.

    Attributes:
        name: the name in `Dataset.format` and `smalta convert --format`; also the name of its module, with _ for -.
        title: the name in sentences and in the headings of docs/formats.md.
        writes: whether smalta also writes the format.
    """

    name: str
    title: str
    writes: bool = False

    @property
    def module(self) -> FormatModule:
        """The module with the format's functions; the first use imports it."""
        return cast(FormatModule, import_module(f"smalta.data.formats.{self.name.replace('-', '_')}"))


FORMATS: tuple[Format, ...] = (
    Format(name="folder", title="folders", writes=True),
    Format(name="coco-panoptic", title="COCO panoptic", writes=True),  # before COCO: a COCO download holds both
    Format(name="coco", title="COCO", writes=True),
    Format(name="yolo", title="YOLO-seg", writes=True),
    Format(name="geojson", title="GeoJSON", writes=True),
    Format(name="cityscapes", title="Cityscapes"),
    Format(name="voc", title="Pascal VOC"),
)
WRITTEN: Mapping[str, Format] = {known.name: known for known in FORMATS if known.writes}


def one_of(names: Iterable[str]) -> str:
    """At least two names as a choice.

    Example:
        >>> one_of(["folder", "coco", "yolo"])
        'folder, coco or yolo'
    """
    *others, last = names
    return f"{', '.join(others)} or {last}"
