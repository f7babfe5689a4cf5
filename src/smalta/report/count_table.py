"""Show counts in a terminal.

In:  a `CountTable`.
Out: something that a rich console prints.

Must not know: how objects are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from smalta.inference.counting import CountTable, NodeCount

MOST_LISTED = 50


def count_table(counts: CountTable) -> RenderableType:
    """Tables of the counts of each picture and of all pictures; with classes that occur, and those at the top."""
    parts: list[RenderableType] = []
    if counts.pictures:
        parts.append(_pictures(counts))
    if len(counts.pictures) > MOST_LISTED:
        parts.append(f"and {len(counts.pictures) - MOST_LISTED} more pictures; --out FILE.csv writes all")
    if len(counts.pictures) > 1:
        table = Table(title=f"All {len(counts.pictures)} pictures", title_justify="left")
        table.add_column("class", overflow="fold")
        table.add_column("count", justify="right")
        for node in _shown(counts.totals()):
            table.add_row(_indented(node), str(node.count))
        parts.append(table)
    if counts.note:
        parts.append(counts.note)
    return Group(*parts)


def _pictures(counts: CountTable) -> Table:
    table = Table(title="Objects per picture", title_justify="left")
    table.add_column("picture", overflow="fold")
    table.add_column("class", overflow="fold")
    table.add_column("count", justify="right")
    if counts.calibration is not None and not counts.note:
        table.add_column(f"{counts.calibration.coverage:.0%} interval", justify="right")
    named = len({picture.name for picture in counts.pictures}) == len(counts.pictures)
    for picture, nodes in islice(counts.rows(), MOST_LISTED):
        shown = _shown(nodes)
        for place, node in enumerate(shown):
            name = escape(picture.name if named else str(picture)) if place == 0 else ""
            ends = "-" if node.high is None else f"{node.low} .. {node.high}"
            cells = [name, _indented(node), str(node.count), ends][: len(table.columns)]
            table.add_row(*cells, end_section=len(shown) > 1 and node is shown[-1])
    return table


def _shown(nodes: Sequence[NodeCount]) -> list[NodeCount]:
    """Nodes that occur, or may occur according to their interval, and nodes at the top."""
    top = min((node.level for node in nodes), default=1)
    return [node for node in nodes if node.count or node.high or node.level == top]


def _indented(node: NodeCount) -> str:
    return "  " * (node.level - 1) + escape(node.node.rpartition("/")[2])
