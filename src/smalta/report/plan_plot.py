"""Draw a plan: its place in the plane of V and P, between the devices, and the roofline.

In:  a plan, the work and the machine that it was made for.
Out: a PNG or SVG file, drawn by matplotlib.

Must not know: how the plan was chosen.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from smalta.description.workload import Workload
from smalta.errors import ConfigError
from smalta.planning.candidates import Work, candidate
from smalta.planning.cost import FUSED, KINDS, Way
from smalta.planning.machine import Machine
from smalta.planning.plan import Plan
from smalta.planning.score import Score, compared_gpu, place, score, sigmoid
from smalta.planning.score_reasons import both_times, verdict
from smalta.planning.words import duration, rate, size
from smalta.runtimes.registry import RUNTIMES

SUFFIXES = (".png", ".svg")
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the sides, of the five sizes that are drawn
GRID = 32  # sides of the drawn sizes are multiples of it
_PAPER = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.7}  # behind a text
_MIB = 2**20
_COLORS = {
    "dense": "#1d4ed8", "pointwise": "#0891b2", "depthwise": "#16a34a", "grouped": "#65a30d", "stem": "#7c3aed",
    "resize": "#db2777", "softmax": "#ea580c", "norm": "#eab308", "activation": "#a1a1aa", "arithmetic": "#78716c",
    "pool": "#92400e", "copy": "#404040", "update": "#b91c1c",
}  # fmt: skip


def draw_plan(path: Path, plan: Plan, work: Work, machine: Machine) -> None:
    """Draw two panels into a file.

    Args:
        path: ending in .png or .svg.
        plan: to draw.
        work: that it was made for.
        machine: its speeds are the roofs.

    Raises:
        ConfigError: if the ending is another one, the file cannot be written, or matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"the file of a drawing must end in {' or '.join(SUFFIXES)}, got {path.name!r}")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("drawing needs matplotlib; run `pip install 'smalta[plot]'`") from error
    way = Way.of(plan)
    chosen = candidate(work, machine, way, plan.tile_hw, plan.batch)
    workload = work.workload(way, pixels=chosen.pixels, batch=chosen.batch)
    figure = Figure(figsize=(16, 7), layout="constrained")
    plane, roofline = figure.subplots(1, 2)
    _draw_plane(plane, work, machine)
    _draw_roofline(roofline, plan, workload, chosen.cost.layers, machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(draft, dpi=110)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


# -- between the devices ------------------------------------------------------------------------------


def _draw_plane(axes: Any, work: Work, machine: Machine) -> None:
    """The plane of V and P with the scores, the line of one half, the caches, and the work at five sizes."""
    where = score(work, machine, compared_gpu(machine))
    unit = where.volume_bytes / where.volume / _MIB  # of V, MiB
    spots = [_at_scale(work, machine, where, scale) for scale in SCALES]
    shown = [(v, p) for v, p, _ in spots]
    if where.curve.tie_pixels is not None:
        shown.append(place(work, machine, where, where.curve.tie_pixels))
    shown += [(edge / _MIB / unit, shown[0][1]) for edge in (where.l2_bytes, where.l3_bytes) if edge]
    volumes = np.geomspace(
        min(v for v, _ in shown) / 8, max(v for v, _ in shown) * (30 if where.separates else 200), 240
    )
    intensities = np.geomspace(min(p for _, p in shown) / 8, max(p for _, p in shown) * 8, 240)
    products = np.log(volumes[None, :] * intensities[:, None]) - math.log(where.curve.x0)
    scores = np.vectorize(sigmoid)(where.curve.k * products)
    mesh = axes.pcolormesh(unit * volumes, 1e3 * intensities, scores, cmap=_colors(), vmin=0, vmax=1, rasterized=True)
    axes.figure.colorbar(mesh, ax=axes, label="score: the processor is faster below 0.5, the GPU above", pad=0.01)
    if where.curve.tie_pixels is not None:
        half = where.curve.x0 / volumes
        label = "both equally fast: score 0.5"
        axes.plot(unit * volumes, 1e3 * half, color="black", lw=2, ls="--", label=label, scalex=False, scaley=False)
    axes.plot(*([unit * v for v, _, _ in spots], [1e3 * p for _, p, _ in spots]), "-", color="black", lw=1, alpha=0.6)
    for index, (v, p, label) in enumerate(spots):
        own = SCALES[index] == 1.0
        axes.plot(unit * v, 1e3 * p, "o", ms=12 if own else 7, mfc="white" if own else "black", mec="black", mew=2)
        axes.annotate(
            label, (unit * v, 1e3 * p), (12, -4), textcoords="offset points", fontsize=11 if own else 9,
            fontweight="bold" if own else "normal", va="top", bbox=_PAPER,
        )  # fmt: skip
    edges = {f"L2\n{size(where.l2_bytes)}": where.l2_bytes, f"L3\n{size(where.l3_bytes)}": where.l3_bytes}
    for name, edge in edges.items():
        if unit * volumes[0] < edge / _MIB < unit * volumes[-1]:
            axes.axvline(edge / _MIB, color="#334155", lw=1.2, ls=":")
            top = axes.get_xaxis_transform()
            axes.annotate(
                name, (edge / _MIB, 0.985), (4, 0), xycoords=top, textcoords="offset points", va="top", fontsize=9
            )
    axes.set(xscale="log", yscale="log")
    axes.set(xlim=(unit * volumes[0], unit * volumes[-1]), ylim=(1e3 * intensities[0], 1e3 * intensities[-1]))
    axes.set_xlabel("V: bytes used again in a pass, MiB (dotted: the caches of the cores at work)")
    axes.set_ylabel(f"P: operations / measured rate of {where.cores} core{'s' if where.cores > 1 else ''}, ms")
    told = verdict(where, work.task).replace("; ", ";\n")
    axes.set_title(f"{both_times(where, work.task)}\n{told}", fontsize=10.5, loc="left")
    if where.curve.tie_pixels is not None:
        axes.legend(loc="lower right", fontsize=9, framealpha=0.9)


def _colors() -> Any:
    """Blue for the processor, white at one half, orange for the GPU."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("devices", ["#60a5fa", "#ffffff", "#fb923c"])


def _at_scale(work: Work, machine: Machine, where: Score, scale: float) -> tuple[float, float, str]:
    """V, P and label of the work with sides of another length."""
    height, width = (max(GRID, round(side * scale / GRID) * GRID) for side in work.size_hw)
    if scale == 1.0:
        (height, width), found = work.size_hw, where
    else:
        found = score(replace(work, size_hw=(height, width)), machine, where.card)
    volume, intensity = place(work, machine, where, height * width)
    told = f"{found.value:.2f}" if where.separates else f"{duration(found.cpu_seconds)}, {duration(found.gpu_seconds)}"
    return volume, intensity, f"{height} x {width} px: {told}"


# -- under the roofs ----------------------------------------------------------------------------------


def _draw_roofline(axes: Any, plan: Plan, workload: Workload, seconds: np.ndarray, machine: Machine) -> None:
    rates = machine.rates
    if plan.device == "cuda":
        gpu = machine.gpus[0]
        peaks, slopes = dict(gpu.flops), {"card's memory": gpu.bandwidth}
    else:
        names = {"l2": "L2", "l3": "L3", "memory": "memory"}
        peaks, slopes = dict(rates.flops), {names[level]: value for level, value in rates.bandwidth.items()}
    own = peaks.get(plan.precision, peaks["fp32"])
    reach = np.geomspace(10**-2.5, 1e4, 200)
    roofs = [
        axes.plot(
            reach, np.minimum(reach * slope, own), ls, color="#334155", lw=1.3, label=f"{name}: {rate(slope, 'B/s')}"
        )[0]
        for (name, slope), ls in zip(slopes.items(), ("-", "--", ":"), strict=False)
    ]
    axes.axhline(own, color="#b91c1c", lw=1.4)
    axes.annotate(
        f"{plan.precision}: {rate(own, 'FLOP/s')}", (reach[-1], own), (-4, 3), textcoords="offset points", fontsize=9,
        ha="right", va="bottom", color="#b91c1c",
    )  # fmt: skip
    total, lowest, discs = float(seconds.sum()), own, []
    for kind in KINDS:
        layers = [
            (layer.operations / layer.moved, layer.operations / took, took)
            for layer, took in zip(workload.layers, seconds, strict=True)
            if layer.kind == kind and layer.operations > 0 and layer.moved > 0 and took > 0
        ]
        if layers and not (RUNTIMES[plan.runtime].graph and kind in FUSED):
            x, y, took = np.array(layers).T
            lowest = min(lowest, y[took > total / 1e4].min(initial=lowest))
            label = f"{kind}: {100 * took.sum() / total:.0f} % of the time"
            area = 10 + 1500 * took / total
            discs.append(axes.scatter(x, y, s=area, color=_COLORS[kind], alpha=0.6, lw=0, label=label))
    axes.set(xscale="log", yscale="log", ylim=(lowest / 10, own * 4), xlim=reach[[0, -1]])
    axes.set_xlabel("operations per byte moved")
    axes.set_ylabel("operations per second")
    axes.set_title(
        f"Layers under the roofs of the machine: {plan.runtime}, {plan.precision}\n"
        "a disc is a layer, its area the predicted time",
        fontsize=10.5, loc="left",
    )  # fmt: skip
    axes.add_artist(axes.legend(handles=roofs, loc="upper left", fontsize=9, framealpha=0.9))
    legend = axes.legend(handles=discs, loc="lower right", fontsize=9, framealpha=0.9)
    for handle in legend.legend_handles:
        handle.set_sizes([60])
