"""What each layer of a plan costs, and which level of memory serves its bytes.

In:  the workload of a pass, its predicted cost, the machine, the way it runs.
Out: `LayerCost`s in the order of the pass; groups of equal ones; `CacheUse` of the whole pass.

Must not know: how a plan is chosen, tables, sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalta.description.workload import Kind, Workload
from smalta.planning.candidates import Candidate, Work
from smalta.planning.cost import BITS, FUSED, Cost, Way, caches_of_stream
from smalta.planning.machine import Machine
from smalta.planning.reuse import reuses


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCost:
    """One layer, or all layers of a kind and a name.

    Attributes:
        kind, name: as in `Layer`.
        count: layers that it stands for.
        forward, backward: operations.
        working_set: bytes that the layer reads and writes; of a group, the largest.
        moved: bytes that all layers of the group read and write.
        served: bytes of `moved` that L1 and L2, the L3, and the memory serve, in this order; on a GPU, empty.
        loaded_again: bytes of maps that the last cache held earlier in the pass, has evicted, and loads again.
        seconds: predicted.
    """

    kind: Kind
    name: str
    count: int
    forward: float
    backward: float
    working_set: float
    moved: float
    served: tuple[float, ...]
    loaded_again: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """Where the bytes of a pass come from, on a processor.

    Attributes:
        near: share of the bytes that L1 and L2 serve.
        l3: share that the L3 serves.
        memory: share that the memory serves; the three sum to 1.
        moved: bytes that all layers read and write.
        loaded_again: bytes of maps that the last cache has evicted since their last use, and loads again.
    """

    near: float
    l3: float
    memory: float
    moved: float
    loaded_again: float


def layers_of(work: Work, machine: Machine, chosen: Candidate) -> tuple[LayerCost, ...]:
    """The layers of one pass of a candidate in their order, without those that run inside other layers."""
    workload = work.workload(chosen.way, pixels=chosen.pixels, batch=chosen.batch)
    again = loaded_again(workload, machine, chosen.way)
    return _layers(workload, chosen.cost, again)


def cache_use(work: Work, machine: Machine, chosen: Candidate) -> CacheUse | None:
    """Where the bytes of one pass come from; None on a GPU."""
    cost = chosen.cost
    moved = float(cost.moved.sum())
    if chosen.way.device != "cpu" or moved == 0:
        return None
    workload = work.workload(chosen.way, pixels=chosen.pixels, batch=chosen.batch)
    near, l3, memory = (cost.moved @ cost.served / moved).tolist()
    again = float(loaded_again(workload, machine, chosen.way).sum())
    return CacheUse(near=near, l3=l3, memory=memory, moved=moved, loaded_again=again)


def grouped(layers: Sequence[LayerCost]) -> tuple[LayerCost, ...]:
    """Layers of the same kind and name as one, forward and backward together; those that take longest first."""
    groups: dict[tuple[str, str], list[LayerCost]] = {}
    for layer in layers:
        groups.setdefault((layer.kind, layer.name), []).append(layer)
    return tuple(sorted(map(summed, groups.values()), key=lambda layer: -layer.seconds))


def summed(layers: Sequence[LayerCost]) -> LayerCost:
    """Several layers as one, with the kind and the name of the first."""
    return LayerCost(
        kind=layers[0].kind,
        name=layers[0].name,
        count=sum(layer.count for layer in layers),
        forward=sum(layer.forward for layer in layers),
        backward=sum(layer.backward for layer in layers),
        working_set=max(layer.working_set for layer in layers),
        moved=sum(layer.moved for layer in layers),
        served=tuple(sum(parts) for parts in zip(*(layer.served for layer in layers), strict=True)),
        loaded_again=sum(layer.loaded_again for layer in layers),
        seconds=sum(layer.seconds for layer in layers),
    )


def loaded_again(workload: Workload, machine: Machine, way: Way) -> np.ndarray:
    """Bytes of maps that each layer loads again because the last cache has evicted them, (layers,); 0 on a GPU."""
    layers, again = workload.layers, np.zeros(len(workload.layers))
    if way.device != "cpu":
        return again
    widths = [BITS[way.precision] / layer.bits if way.kind.graph else 1.0 for layer in layers]
    written = np.array([layer.written for layer in layers]) * widths
    weights = np.array([layer.weights for layer in layers]) * widths
    source, inputs = list(range(len(layers))), []
    for place, layer in enumerate(layers):
        read = list(dict.fromkeys(source[one] for one in layer.inputs))
        if way.kind.graph and layer.kind in FUSED and read:  # it changes the map before in place
            source[place], written[place], weights[place], read = read[0], 0.0, 0.0, []
        inputs.append(read)
    for reuse in reuses(inputs, written, weights):
        again[reuse.layer] += reuse.beyond(max(caches_of_stream(machine, way)))
    return np.minimum(again, [layer.read * width for layer, width in zip(layers, widths, strict=True)])


def _layers(workload: Workload, cost: Cost, again: np.ndarray) -> tuple[LayerCost, ...]:
    return tuple(
        LayerCost(
            kind=layer.kind,
            name=layer.name,
            count=1,
            forward=0.0 if layer.backward else layer.operations,
            backward=layer.operations if layer.backward else 0.0,
            working_set=float(cost.moved[place]),
            moved=float(cost.moved[place]),
            served=tuple((cost.moved[place] * cost.served[place]).tolist()),
            loaded_again=float(again[place]),
            seconds=float(cost.layers[place]),
        )
        for place, layer in enumerate(workload.layers)
        if cost.moved[place] > 0 or cost.layers[place] > 0
    )
