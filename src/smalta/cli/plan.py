"""`smalta info` and `smalta plan`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from smalta.cli.common import DeviceName, Memory, Quiet, Threads, Tile, out
from smalta.errors import ConfigError
from smalta.runtimes.registry import AUTO

if TYPE_CHECKING:
    from smalta.api.plans import Examined


def info(
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure the machine again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Show this machine: cores, caches, memory, GPUs, and measured speeds."""
    from smalta.planning.machine import this_machine
    from smalta.report.plan_tables import machine_table

    machine = this_machine(refresh=refresh)
    if as_json:
        print(json.dumps(machine.to_dict(), indent=1))
    else:
        out.print(machine_table(machine), highlight=False)


What = Annotated[
    Path, typer.Argument(metavar="DATA|RUN", help="Labelled pictures to train on, a run folder, or a .onnx file.")
]
Size = Annotated[
    str | None, typer.Option(help="Size of the pictures or the training crops: HEIGHTxWIDTH.", show_default=False)
]
Latency = Annotated[
    float | None, typer.Option(help="Limit of time for one picture, in milliseconds.", show_default=False)
]
Batch = Annotated[int | None, typer.Option(help="Pictures per pass.", show_default=False)]
WhatIf = Annotated[
    str | None, typer.Option(help="Plan for this GPU by its published numbers: h100, rtx4090, ...", show_default=False)
]
Plot = Annotated[Path | None, typer.Option(help="Draw the plan into this PNG or SVG file.", show_default=False)]
Video = Annotated[
    str | None,
    typer.Option(help="Plan which frames of this video or camera the model would see.", show_default=False),
]
Rules = Annotated[
    Path | None,
    typer.Option(help="With --video: rules of the camera, whose zones need to be seen.", show_default=False),
]
KeyEvery = Annotated[
    int | None, typer.Option(help="With --video: let the network see every n-th frame.", show_default=False)
]
Fps = Annotated[
    float | None, typer.Option(help="With --video: pictures a second of a folder of pictures.", show_default=False)
]


def plan(
    what: What,
    size: Size = None,
    memory: Memory = None,
    latency: Latency = None,
    threads: Threads = None,
    tile: Tile = None,
    device: DeviceName = AUTO,
    batch: Batch = None,
    what_if: WhatIf = None,
    plot: Plot = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time the two best ways to predict, and choose the faster one.")
    ] = False,
    layers: Annotated[
        bool, typer.Option("--layers", help="Show the work, the caches and the predicted time of each layer.")
    ] = False,
    counters: Annotated[
        bool, typer.Option("--counters", help="Run the network once, and compare its caches with hardware counters.")
    ] = False,
    video: Video = None,
    rules: Rules = None,
    key_every: KeyEvery = None,
    fps: Fps = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Show how this machine would train on a data set or predict with a model, with reasons."""
    from smalta.api.limits import limits_of
    from smalta.api.plans import examine

    if video is not None:
        others = {
            "size": size, "memory": memory, "latency": latency, "tile": tile, "batch": batch, "what-if": what_if,
            "plot": plot, "measure": measure, "layers": layers, "counters": counters,
            "device": None if device == AUTO else device,
        }  # fmt: skip
        _refuse(others, "cannot be combined with --video; leave one of them out")
        _plan_video(what, video, rules, fps, threads, key_every, as_json=as_json, quiet=quiet)
        return
    _refuse({"rules": rules, "key-every": key_every, "fps": fps}, "is for --video FILE; add it, or leave this one out")
    limits = limits_of(memory=memory, threads=threads, tile=tile, device=device, batch=batch, latency_ms=latency)
    size_hw = None if size is None else height_width(size)
    examined = examine(what, limits, size_hw=size_hw, what_if=what_if, measure=measure, counters=counters)
    made = examined.plan
    if as_json:
        print(json.dumps(made.to_dict() | _extras(examined, layers=layers, counters=counters), indent=1))
    elif not quiet:
        _print(examined, layers=layers)
    if plot is not None:
        from smalta.report.plan_plot import draw_plan

        draw_plan(plot, made, examined.work, examined.machine)
        if not quiet and not as_json:
            out.print(f"the drawing is in {escape(str(plot))}", highlight=False)


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raise ConfigError if one of the options is given."""
    for name, value in options.items():
        if value not in (None, False):
            raise ConfigError(f"--{name} {why}")


def _plan_video(
    model: Path,
    video: str,
    rules: Path | None,
    fps: float | None,
    threads: int | None,
    key_every: int | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from smalta.api.paces import plan_video
    from smalta.report.pace_table import pace_sentence, pace_table, parts_table

    made = plan_video(model, video, rules=rules, fps=fps, threads=threads, key_every=key_every)
    if as_json:
        decided = [asdict(decision) for decision in made.decided]
        print(json.dumps(made.to_dict() | {"milliseconds": made.milliseconds, "decided": decided}, indent=1))
    elif not quiet:
        kind = "live source" if made.live else "file"
        height, width = made.crop.size_hw
        out.print(f"[bold]{kind} of {height} x {width} px, {made.fps:.3g} frames a second[/]", highlight=False)
        out.print(pace_table(made), highlight=False)
        out.print(parts_table(made), highlight=False)
        out.print(pace_sentence(made), highlight=False)


def _extras(examined: Examined, *, layers: bool, counters: bool) -> dict[str, Any]:
    """What the options add to the plan as plain data."""
    found: dict[str, Any] = {}
    if layers:
        found["layers"] = [asdict(layer) for layer in examined.layers]
    if counters:
        found["counters"] = None if examined.counts is None else asdict(examined.counts)
    return found


def _print(examined: Examined, *, layers: bool) -> None:
    from smalta.planning.rates import disturbance
    from smalta.report.layer_table import counts_table, layer_notes, layer_table
    from smalta.report.plan_tables import plan_table, rejected_table

    made = examined.plan
    size = f"{made.size_hw[0]} x {made.size_hw[1]} px"
    title = f"training with crops of {size}" if made.task == "training" else f"prediction for pictures of {size}"
    out.print(f"[bold]{title}[/]", highlight=False)
    out.print(plan_table(made), highlight=False)
    out.print(rejected_table(made), highlight=False)
    if layers:
        out.print(layer_table(examined.layers), highlight=False)
        for sentence in layer_notes(examined.layers, examined.inside):
            out.print(f"[dim]{escape(sentence)}[/]", highlight=False)
    if examined.counts is not None:
        out.print(counts_table(made.caches, examined.counts), highlight=False)
    told = disturbance(made.disturbed)
    for note in (*examined.notes, *([] if told is None else [told])):
        out.print(f"[dim]note[/] {escape(note)}", highlight=False)


def height_width(text: str) -> tuple[int, int]:
    """Parse height and width in pixels from text such as "480x640" or "512".

    Raises:
        ConfigError: if it is not a size.
    """
    found = re.fullmatch(r"(\d{1,6})(?:\s*[xX]\s*(\d{1,6}))?", text.strip())
    if found is None or int(found[1]) == 0 or (found[2] and int(found[2]) == 0):
        raise ConfigError(f"{text!r} is not the size of a picture; write it as HEIGHTxWIDTH, such as 480x640")
    return int(found[1]), int(found[2] or found[1])
