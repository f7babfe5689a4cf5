"""Print the layers of a plan: their work, the caches that serve them, their seconds; and counted caches.

In:  `LayerCost`s; where the bytes of a pass come from, and counts.
Out: tables for a terminal, and sentences about them.

Must not know: how layers are predicted, how caches are counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from smalta.planning.layer_costs import LayerCost, grouped, summed
from smalta.planning.words import rate, size
from smalta.system.counters import LINE_BYTES, CacheCounts

SHORT = 0.01  # of the time; rows below it are shown as one


def layer_table(layers: Sequence[LayerCost]) -> Table:
    """One row for the layers of a kind and a name, those that take longest first; then the short ones, and all."""
    table = _table(1)
    table.add_column("layers", style="bold", overflow="fold")
    by_level = ("L1+L2\n%", "L3\n%", "memory\n%", "again\nMiB") if layers and layers[0].served else ()
    passes = ("forward\nGFLOP", "backward\nGFLOP") if any(layer.backward for layer in layers) else ("\nGFLOP",)
    for name in ("number\n", *passes, "set\nMiB", *by_level, "time\nms", "\n%"):
        table.add_column(name, justify="right", no_wrap=True)
    if not layers:
        return table
    rows, whole = grouped(layers), summed(layers)
    short = [row for row in rows if row.seconds < SHORT * whole.seconds]
    for row in rows[: len(rows) - len(short)]:
        table.add_row(escape(f"{row.kind} {row.name}".strip()), *_cells(row, whole, len(passes)))
    if short:
        table.add_row(f"others, below {100 * SHORT:g} % each", *_cells(summed(short), whole, len(passes)))
    table.add_section()
    table.add_row("all", *_cells(whole, whole, len(passes)), style="bold")
    return table


def _cells(row: LayerCost, whole: LayerCost, passes: int) -> list[str]:
    operations = [row.forward, row.backward] if passes > 1 else [row.forward + row.backward]
    by_level = [f"{100 * part / max(row.moved, 1.0):.0f}" for part in row.served]
    if row.served:
        by_level.append(_number(row.loaded_again / 2**20))
    return [
        str(row.count),
        *(_number(value / 1e9) for value in operations),
        _number(row.working_set / 2**20),
        *by_level,
        _number(1e3 * row.seconds),
        f"{100 * row.seconds / max(whole.seconds, 1e-12):.0f}",
    ]


def layer_notes(layers: Sequence[LayerCost], inside: int) -> list[str]:
    """What the numbers of the table mean.

    Args:
        layers: as in the table.
        inside: number of layers that run inside others and have no row.
    """
    notes = ["of one pass; set: the working set, what a layer reads and writes, the largest of its row"]
    if layers and layers[0].served:
        notes.append(
            "L1+L2, L3, memory: which level serves the bytes, as the predicted time counts them; again: maps that the "
            "last cache has evicted since their last use in the pass, so that they are loaded again"
        )
    if inside:
        notes.append(f"{inside} layers run inside the layer before them and have no row")
    return notes


def counts_table(predicted: Mapping[str, float], counts: CacheCounts) -> Table:
    """Predicted shares of the bytes by level, beside those that hardware counters give.

    Args:
        predicted: as in `Plan.caches`.
        counts: of one pass. A counted line is 64 bytes that a level below had to deliver.
    """
    table = _table()
    table.add_column("level", style="bold")
    for name in ("predicted", "counted"):
        table.add_column(name, justify="right")
    table.add_column("of", overflow="fold")
    moved = max(predicted["moved"], 1.0)
    reached = counts.last_misses if counts.last_level == "l2" else counts.last_reads  # lines that left L1 and L2
    missed = None if counts.last_level == "l2" else counts.last_misses
    l3 = None if reached is None or missed is None else max(reached - missed, 0.0)
    rows = {
        "L1+L2": (predicted["near"], None if reached is None else max(1 - reached * LINE_BYTES / moved, 0.0)),
        "L3": (predicted["l3"], None if l3 is None else l3 * LINE_BYTES / moved),
        "memory": (predicted["memory"], None if missed is None else missed * LINE_BYTES / moved),
    }
    for name, (expected, found) in rows.items():
        told = "not counted" if found is None else f"{100 * found:.0f} %"
        table.add_row(name, f"{100 * expected:.0f} %", told, f"the {size(moved)} that a pass moves")
    for name, reads, misses in (
        ("hits in L1", counts.l1_reads, counts.l1_misses),
        (f"hits in {counts.last_level.upper()}", counts.last_reads, counts.last_misses),
    ):
        if reads and misses is not None:
            table.add_row(name, "", f"{100 * (1 - misses / reads):.1f} %", f"{rate(reads, '')} loads that reach it")
    return table


def _table(space: int = 2) -> Table:
    return Table(box=None, padding=(0, space, 0, 0), title_justify="left")


def _number(value: float) -> str:
    """Three digits, at most three of them behind the point; a dash for what would be shown as 0."""
    if value < 0.0005:
        return "-"
    return f"{value:.{max(2 - math.floor(math.log10(max(value, 0.1))), 0)}f}"
