"""The label formats that smalta knows, in the order in which they are tried.

In:  nothing. A new format is a module beside this one and a line in `FORMATS`.
Out: `Format`: what a format is called, and its module, imported when it is first asked for.

Help texts are made from these lines, so this module stays light: it imports no format and no numpy. A format's module
has what `FormatModule` lists, and imports neither this module nor another format.

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
    """What the module of a format has."""

    LOOKED_FOR: str  # the files and folders that it is recognised by, for the message that nothing was found

    def recognises(self, root: Path) -> bool:
        """Whether a folder is in this format, by its files' names and at most a few of their words."""
        ...

    def open_folder(self, root: Path, classes: ClassTree | None, seed: int) -> Dataset:
        """List what is in a folder that it recognises.

        Args:
            root: the folder.
            classes: the tree that the user gives, instead of the data set's own.
            seed: of the splits that the data set does not bring.
        """
        ...

    def write(self, source: Dataset, out: Path) -> list[str]:
        """Write a data set into an empty folder; only a format that `writes` has it.

        Returns:
            Sentences about what the format could not hold.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One label format.

    Attributes:
        name: what `Dataset.format` and `smalta convert --format` call it. Its module is called so, with _ for -.
        title: what sentences and the headings of docs/formats.md call it.
        writes: whether smalta writes it too.
    """

    name: str
    title: str
    writes: bool = False

    @property
    def module(self) -> FormatModule:
        """The functions that read and write it; the first use imports them."""
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
