"""Plan how this machine trains on a data set or predicts with a model.

In:  a data set or a model, limits.
Out: `Plan`, or `Examined`, which adds the work and the machine for drawings.

Must not know: how a plan is chosen or shown, command lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from smalta.api.limits import limits_of
from smalta.errors import ConfigError
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import OpenedModel, is_model, open_model
from smalta.inference.trial import count_pass, try_out
from smalta.planning import machine as machines
from smalta.planning.candidates import Candidate, Work, candidate
from smalta.planning.cost import Way
from smalta.planning.gpus import published
from smalta.planning.layer_costs import LayerCost, layers_of
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits, Plan
from smalta.planning.planner import best_two
from smalta.planning.planner import plan as make_plan
from smalta.runtimes.registry import AUTO
from smalta.system.counters import CacheCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A plan, with the work and the machine that it is made for.

    Attributes:
        plan: the plan.
        work: to be done.
        machine: that does it.
        layers: of one pass in their order, without those that run inside other layers.
        inside: layers that run inside others.
        counts: of hardware counters in one pass, where they were wanted and can be read.
        notes: about timed candidates and counters.
    """

    plan: Plan
    work: Work
    machine: Machine
    layers: tuple[LayerCost, ...]
    inside: int
    counts: CacheCounts | None = None
    notes: tuple[str, ...] = ()


def plan(
    what: str | Path,
    *,
    size_hw: tuple[int, int] | None = None,
    memory: int | str | None = None,
    latency_ms: float | None = None,
    threads: int | None = None,
    tile: int | None = None,
    device: str = AUTO,
    batch: int | None = None,
    what_if: str | None = None,
    measure: bool = False,
) -> Plan:
    """Plan how this machine trains on a data set or predicts with a model, with reasons, as `smalta plan` does.

    Args:
        what: a folder of labelled pictures, a run folder, or a `.onnx` file of `smalta export`.
        size_hw: of the pictures or the training crops, pixels; None for that of the data or the training.
        memory: limit of the whole process, bytes, or text such as "512MB".
        latency_ms: limit for one picture, milliseconds.
        threads, tile, device, batch: as in `smalta.planning.plan.Limits`.
        what_if: plan for this card, such as "l4", by its published numbers.
        measure: time the two best ways to predict, and choose the faster one.

    Raises:
        SmaltaError: if the data or the model cannot be used, or the limits cannot be kept.

    Example:
        >>> made = plan("model.onnx", size_hw=(480, 640))
        >>> made.task, made.device, made.size_hw
        ('inference', 'cpu', (480, 640))
    """
    limits = limits_of(memory=memory, threads=threads, tile=tile, device=device, batch=batch, latency_ms=latency_ms)
    return examine(Path(what), limits, size_hw=size_hw, what_if=what_if, measure=measure).plan


def examine(
    what: Path,
    limits: Limits,
    *,
    size_hw: tuple[int, int] | None = None,
    what_if: str | None = None,
    measure: bool = False,
    counters: bool = False,
) -> Examined:
    """Make a plan, and keep its work, machine and layers.

    Args:
        what, limits, size_hw, what_if, measure: as for `plan`.
        counters: run one pass, and read the processor's counters of its caches.
    """
    model = open_model(what) if is_model(what) else None
    work = _work(what, model, size_hw)
    machine = machines.this_machine()
    if what_if is not None:
        machine = replace(machine, gpus=(published(what_if),))
    measured, notes = _measured(model, work, machine, limits, what_if) if measure else (None, ())
    made = make_plan(work, machine, limits, measured=measured)
    chosen = candidate(work, machine, Way.of(made), made.tile_hw, made.batch)
    layers = layers_of(work, machine, chosen)
    counts, why = _counted(model, chosen, made) if counters else (None, ())
    return Examined(
        plan=made,
        work=work,
        machine=machine,
        layers=layers,
        inside=len(chosen.cost.layers) - len(layers),
        counts=counts,
        notes=(*notes, *why),
    )


def _counted(model: OpenedModel | None, chosen: Candidate, made: Plan) -> tuple[CacheCounts | None, tuple[str, ...]]:
    """What hardware counters count in one pass; None and a note if they cannot be read."""
    if model is None or chosen.way.device != "cpu":
        raise ConfigError("--counters runs a trained model on the processor; give a run folder or a .onnx file")
    try:
        return count_pass(model, chosen, made.size_hw), ()
    except ConfigError as error:
        return None, (str(error),)


def _work(what: Path, model: OpenedModel | None, size_hw: tuple[int, int] | None) -> Work:
    """The work of predicting with a model, or of training on a data set."""
    if model is not None:
        return answering_work(model, size_hw)
    from smalta.training.training_plan import training_work  # needs PyTorch

    return training_work(what, size_hw)


def _measured(
    model: OpenedModel | None, work: Work, machine: Machine, limits: Limits, what_if: str | None
) -> tuple[Mapping[str, float], tuple[str, ...]]:
    """Seconds of the two best candidates, and notes about them."""
    if model is None or what_if is not None:
        raise ConfigError(
            "--measure needs a trained model and cannot be combined with --what-if; `smalta train` measures its own "
            "steps and writes them into plan.json"
        )
    trial = try_out(model, best_two(work, machine, limits), work.size_hw)
    return trial.seconds, trial.notes
