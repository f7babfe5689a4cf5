"""Time the candidates that the planner chooses among: one group of cases per process.

`python -m bench.planner_cases GROUP`; without GROUP, the names of those not measured yet. A group is an encoder and a
way to run it, over all sizes. Out: one JSON line per case in bench/work/planner/cases.jsonl, so that an interrupted
measurement goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import WORK, exit_on_error, peak_bytes
from smalta.planning.machine import Machine

CASES = WORK / "planner" / "cases.jsonl"
FIT_ENCODERS = ("tf_efficientnet_lite0", "resnet18", "plain", "regnetx_004")
HELD_OUT_ENCODERS = ("mobilenetv2_100", "resnet26")
INFERENCE_SIDES = (128, 256, 384, 512, 768, 1024)
TRAINING_SIDES = (96, 128, 192, 256, 320)
LARGE_SIDES = (1536, 2048)  # of the default encoder alone
HELD_OUT_SIDES = (384, 768, 192)
N_LEAVES, WIDTH, STRIDE, BATCH = 11, 96, 4, 4
SECONDS, LEAST, MOST = 0.8, 5, 60  # of the repeats of one case


@dataclass(frozen=True, slots=True)
class Group:
    """A way to run an encoder.

    Attributes:
        task: "inference" or "training".
        encoder: its timm name.
        runtime: "pytorch", "openvino" or "onnxruntime".
        layout: "channels_last" or "channels_first"; of no meaning outside PyTorch.
        precision: "fp32" or "bf16".
        streams: passes side by side.
        threads: of each.
        keep: whether large blocks of memory are kept between passes.
    """

    task: str
    encoder: str
    runtime: str
    layout: str
    precision: str
    streams: int = 1
    threads: int = 2
    keep: bool = True

    @property
    def name(self) -> str:
        """One word for the command line."""
        shape = f"{self.streams}x{self.threads}"
        return "/".join([*asdict_texts(self, "task", "encoder", "runtime", "layout", "precision"), shape, keep(self)])


def asdict_texts(group: Group, *names: str) -> list[str]:
    return [str(getattr(group, name)) for name in names]


def keep(group: Group) -> str:
    return "kept" if group.keep else "given-back"


def groups(cores: int) -> Iterator[Group]:
    """All that is measured on a machine with so many cores."""
    for encoder in (*FIT_ENCODERS, *HELD_OUT_ENCODERS):
        for layout in ("channels_last", "channels_first"):
            for precision in ("fp32", "bf16"):
                for task in ("inference", "training"):
                    yield Group(task, encoder, "pytorch", layout, precision, 1, cores)
        for precision in ("fp32", "bf16"):
            yield Group("inference", encoder, "openvino", "channels_last", precision, 1, cores)
            if cores > 1:
                yield Group("inference", encoder, "openvino", "channels_last", precision, cores, 1)
        yield Group("inference", encoder, "onnxruntime", "channels_last", "fp32", 1, cores)
    for encoder in ("tf_efficientnet_lite0", "resnet18", HELD_OUT_ENCODERS[0]):
        for layout in ("channels_last", "channels_first"):
            for task in ("inference", "training"):
                yield Group(task, encoder, "pytorch", layout, "fp32", 1, cores, keep=False)


def sides(group: Group) -> tuple[int, ...]:
    if group.task == "training":
        return TRAINING_SIDES
    return INFERENCE_SIDES + (LARGE_SIDES if group.encoder == FIT_ENCODERS[0] else ())


def cases() -> list[dict[str, Any]]:
    """All cases measured so far."""
    return [json.loads(line) for line in CASES.read_text().splitlines()] if CASES.exists() else []


def rates_seen(machine: Machine) -> Machine:
    """The machine with the median of the speeds that were measured beside the cases."""
    seen = {case["date"][:15] + case["encoder"]: case["rates"] for case in cases()}.values()

    def median(*names: str) -> float:
        found = []
        for rates in seen:
            value: Any = rates
            for name in names:
                value = value[name]
            found.append(float(value))
        return float(np.median(found))

    rates = replace(
        machine.rates,
        flops={name: median("flops", name) for name in machine.rates.flops},
        flops_one_core=median("flops_one_core"),
        bandwidth={name: median("bandwidth", name) for name in machine.rates.bandwidth},
        fault_seconds=median("fault_seconds"),
        disturbed=False,
    )
    return replace(machine, rates=rates)


# -- one case -----------------------------------------------------------------------------------------


def timed(step: Callable[[], object], per_call: int = 1) -> dict[str, Any]:
    """Median and least seconds per picture or step, the cores that were ours, and the peak memory of the process."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")  # forget the peak so far
    for _ in range(2):
        step()
    seconds: list[float] = []
    own, start = time.process_time(), time.perf_counter()
    while len(seconds) < LEAST or (time.perf_counter() - start < SECONDS and len(seconds) < MOST):
        before = time.perf_counter()
        step()
        seconds.append((time.perf_counter() - before) / per_call)
    busy = (time.process_time() - own) / (time.perf_counter() - start)
    return {
        "seconds": float(np.median(seconds)),
        "least": min(seconds),
        "n": len(seconds),
        "busy": round(busy, 2),
        "peak": peak_bytes(),
    }


def torch_network(group: Group) -> Any:
    import torch

    from smalta.description.network_config import NetworkConfig
    from smalta.model.network import Network

    torch.manual_seed(0)
    torch.set_num_threads(group.threads)
    network = Network(NetworkConfig(n_leaves=N_LEAVES, encoder=group.encoder, stride=STRIDE, width=WIDTH))
    wanted = torch.channels_last if group.layout == "channels_last" else torch.contiguous_format
    network.register_forward_pre_hook(lambda _, given: (given[0].contiguous(memory_format=wanted),))
    return network.to(memory_format=wanted)


def inference_pytorch(group: Group) -> Iterator[tuple[int, int, Callable[[], object], int]]:
    from smalta.model.folding import folded
    from smalta.model.torch_runtime import TorchRuntime

    runtime = TorchRuntime(folded(torch_network(group)), device="cpu", bf16=group.precision == "bf16")
    for side in sides(group):
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        yield side, 1, lambda picture=picture: runtime(picture), 1


def training_pytorch(group: Group) -> Iterator[tuple[int, int, Callable[[], object], int]]:
    import torch
    from torch import nn

    from smalta.classes import ClassTree
    from smalta.training.losses import TreeLoss
    from smalta.training.optimizer import MuonAdamW
    from smalta.training.train import DICE_WEIGHT

    network = torch_network(group).train()
    loss = TreeLoss(ClassTree({f"c{i}": {} for i in range(N_LEAVES)}), dice=DICE_WEIGHT)
    optimizer = MuonAdamW(network, learning_rate=1e-4, weight_decay=0.0)
    average = [p.detach().clone() for p in network.parameters()]
    for side in sides(group):
        generator = torch.Generator().manual_seed(0)
        pictures = torch.randint(0, 256, (BATCH, 3, side, side), dtype=torch.uint8, generator=generator)
        labels = torch.randint(1, N_LEAVES + 1, (BATCH, side, side), generator=generator)

        def step(pictures: Any = pictures, labels: Any = labels) -> None:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=group.precision == "bf16"):
                logits = network(pictures)
            value = loss(logits["semantic"], labels, labels)
            value.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0, foreach=True)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, [p.detach() for p in network.parameters()], 0.01)

        yield side, BATCH, step, 1


def exported(encoder: str) -> bytes:
    """The network as `smalta export` writes it, with random weights; made once."""
    path = WORK / "planner" / f"{encoder}.onnx"
    if not path.exists():
        _export(encoder, path)
    return path.read_bytes()


def _export(encoder: str, path: Path) -> None:
    from smalta.classes import ClassTree
    from smalta.description.model_info import ModelInfo
    from smalta.description.network_config import NetworkConfig
    from smalta.description.run_folder import MODEL_FILE
    from smalta.exporting.onnx_export import export
    from smalta.model.network import Network
    from smalta.model.storage import save_model

    tree = ClassTree({f"c{i}": {} for i in range(N_LEAVES)})
    network = Network(NetworkConfig.for_tree(tree, encoder=encoder, stride=STRIDE, width=WIDTH))
    run = path.with_suffix("")
    run.mkdir(parents=True, exist_ok=True)
    save_model(run / MODEL_FILE, network.state_dict(), ModelInfo(tree=tree, network=network.config, kind="semantic"))
    export(run, path)


def inference_openvino(group: Group) -> Iterator[tuple[int, int, Callable[[], object], int]]:
    import openvino

    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if group.precision == "bf16" else "f32",
        "NUM_STREAMS": group.streams,
        "INFERENCE_NUM_THREADS": group.streams * group.threads,
    }
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(exported(group.encoder)), "CPU", options)
    queue = openvino.AsyncInferQueue(compiled, group.streams)
    for side in sides(group):
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)

        def passes(picture: np.ndarray = picture) -> None:
            for _ in range(4 * group.streams):
                queue.start_async({0: picture}, share_inputs=True)
            queue.wait_all()

        yield side, 1, passes, 4 * group.streams


def inference_onnxruntime(group: Group) -> Iterator[tuple[int, int, Callable[[], object], int]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = group.threads
    session = onnxruntime.InferenceSession(exported(group.encoder), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for side in sides(group):
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        yield side, 1, lambda picture=picture: session.run(None, {name: picture}), 1


WAYS = {
    ("inference", "pytorch"): inference_pytorch,
    ("training", "pytorch"): training_pytorch,
    ("inference", "openvino"): inference_openvino,
    ("inference", "onnxruntime"): inference_onnxruntime,
}


def measure(group: Group) -> None:
    """Time all sizes of a group, and append them to the file."""
    from smalta.planning.facts import processor
    from smalta.planning.rates import measure as measure_rates
    from smalta.system.allocator import keep_large_blocks

    rates = asdict(measure_rates(group.streams * group.threads, processor().caches))
    if group.keep and group.runtime == "pytorch":
        keep_large_blocks()
    found = []
    for side, batch, step, per_call in WAYS[group.task, group.runtime](group):
        case = {**asdict(group), "side": side, "batch": batch, **timed(step, per_call)}
        found.append(case | {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rates": rates})
        print(f"{group.name} {side}: {1e3 * case['seconds']:.2f} ms (busy {case['busy']})", flush=True)
    CASES.parent.mkdir(parents=True, exist_ok=True)
    with CASES.open("a") as file:
        file.writelines(json.dumps(case) + "\n" for case in found)


def missing() -> list[Group]:
    """Groups that were not measured yet."""
    from smalta.system.cores import usable_cores

    names = list(Group.__dataclass_fields__)
    done = {tuple(case[name] for name in names) for case in cases()}
    return [group for group in groups(usable_cores()) if tuple(getattr(group, n) for n in names) not in done]


def measure_missing() -> None:
    """Measure what is missing, each group in a process of its own."""
    for group in missing():
        subprocess.run(
            [sys.executable, "-m", "bench.planner_cases", group.name], check=True, cwd=Path.cwd(), env=os.environ
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("group", nargs="?")
    name = parser.parse_args().group
    for group in missing():
        if name is None:
            print(group.name)
        elif group.name == name:
            measure(group)


if __name__ == "__main__":
    exit_on_error(main)
