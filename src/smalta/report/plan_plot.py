"""Draw a plan: its place in the plane of V and P, between the devices, and the roofline.

In:  a plan, the work and the machine that it was made for.
Out: a PNG or SVG file, drawn by matplotlib.

Must not know: how the plan was chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from smalta.description.workload import Workload
from smalta.errors import ConfigError
from smalta.planning.candidates import Work, candidate
from smalta.planning.cost import FUSED, KINDS, Way
from smalta.planning.machine import Machine
from smalta.planning.plan import Plan
from smalta.planning.score import Score, compared_gpu, score, sigmoid
from smalta.runtimes.registry import RUNTIMES

SUFFIXES = (".png", ".svg")
_COLORS = {
    "dense": "#1d4ed8", "pointwise": "#0891b2", "depthwise": "#16a34a", "grouped": "#65a30d", "stem": "#7c3aed",
    "resize": "#db2777", "softmax": "#ea580c", "norm": "#9ca3af", "activation": "#d1d5db", "arithmetic": "#78716c",
    "pool": "#ca8a04", "copy": "#404040", "update": "#b91c1c",
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
    where = score(work, machine, compared_gpu(machine), batch=plan.batch)
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    plane, roofline = figure.subplots(1, 2)
    _draw_plane(plane, plan, where)
    _draw_roofline(roofline, plan, workload, chosen.cost.layers, machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(draft, dpi=120)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _draw_plane(axes: Any, plan: Plan, where: Score) -> None:
    reach = 3.0  # decades to each side of the work and of the half line
    middle = np.log10([where.volume, where.intensity])
    volumes = np.logspace(middle[0] - reach, middle[0] + reach, 160)
    intensities = np.logspace(middle[1] - reach, middle[1] + reach, 160)
    products = np.log(volumes[None, :] * intensities[:, None] / where.x0)
    scores = np.vectorize(sigmoid)(where.k * products)
    mesh = axes.pcolormesh(volumes, intensities, scores, cmap="RdYlGn_r", vmin=0, vmax=1, alpha=0.55, rasterized=True)
    axes.figure.colorbar(mesh, ax=axes, label="score: below 1/2 for the processor, above it for the GPU")
    axes.plot(volumes, where.x0 / volumes, color="black", lw=1.5, label=f"one half: V x P = {where.x0:.2g} s")
    axes.axvline(1.0, color="black", lw=0.8, ls=":", label="the maps fill the last cache")
    told = f"{plan.size_hw[0]} x {plan.size_hw[1]} px, batch {plan.batch}: {where.value:.2f}"
    axes.plot([where.volume], [where.intensity], "o", ms=11, mfc="white", mec="black", mew=2, label=told)
    axes.set(xscale="log", yscale="log", xlim=volumes[[0, -1]], ylim=intensities[[0, -1]])
    axes.set_xlabel("V: bytes alive at once / last cache of the processor")
    axes.set_ylabel("P: operations / measured rate of the processor, s")
    marked = " (published numbers)" if where.gpu.published else ""
    axes.set_title(f"processor and {where.gpu.name}{marked}")
    axes.legend(loc="upper right", fontsize=8)


def _draw_roofline(axes: Any, plan: Plan, workload: Workload, seconds: np.ndarray, machine: Machine) -> None:
    rates = machine.rates
    if plan.device == "cuda":
        gpu = machine.gpus[0]
        peaks, slopes = dict(gpu.flops), {"card": gpu.bandwidth}
    else:
        peaks, slopes = dict(rates.flops), dict(rates.bandwidth)
    highest = max(peaks.values())
    intensity = np.logspace(-2.5, 4, 200)
    for name, slope in slopes.items():
        axes.plot(intensity, np.minimum(intensity * slope, highest), color="black", lw=1)
        axes.annotate(f" {name}", (intensity[0], intensity[0] * slope), fontsize=8, va="bottom")
    for name, peak in peaks.items():
        axes.axhline(peak, color="#b91c1c" if name == plan.precision else "#9ca3af", lw=1, ls="--")
        axes.annotate(f"{name} ", (intensity[-1], peak), fontsize=8, ha="right", va="bottom")
    total = float(seconds.sum())
    for kind in KINDS:
        layers = [
            (layer.operations / layer.moved, layer.operations / took, took)
            for layer, took in zip(workload.layers, seconds, strict=True)
            if layer.kind == kind and layer.operations > 0 and layer.moved > 0 and took > 0
        ]
        if layers and not (RUNTIMES[plan.runtime].graph and kind in FUSED):
            x, y, took = np.array(layers).T
            label = f"{kind}: {100 * took.sum() / total:.0f} % of the time"
            axes.scatter(x, y, s=8 + 900 * took / total, color=_COLORS[kind], alpha=0.6, lw=0, label=label)
    axes.set(xscale="log", yscale="log", ylim=(highest / 1e5, highest * 2), xlim=intensity[[0, -1]])
    axes.set_xlabel("operations per byte moved")
    axes.set_ylabel("operations per second")
    axes.set_title(f"roofline of the layers: {plan.runtime}, {plan.precision}; area is predicted time")
    axes.legend(loc="lower right", fontsize=7)
