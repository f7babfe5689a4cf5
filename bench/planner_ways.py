"""Run and time one way of the planner's benchmark: a network of random weights, as it answers or trains today.

In:  a `Group`: a task, an encoder, a runtime and its settings.
Out: for each size something to call, and how long it takes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.common import REPOSITORY, WORK, peak_bytes
from smalta.system.first_use import import_openvino

if TYPE_CHECKING:
    from bench.planner_cases import Group

N_LEAVES, WIDTH, STRIDE, BATCH = 11, 96, 4, 4
SECONDS, LEAST, MOST = 0.6, 5, 60  # of the repeats of one case
CALIBRATION = 16  # pictures that an int8 network learns its ranges from
Step = tuple[int, int, Callable[[], object], int]  # side, pictures, a step, pictures or steps of one call


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


def inference_pytorch(group: Group) -> Iterator[Step]:
    from smalta.model.folding import folded
    from smalta.model.torch_runtime import TorchRuntime

    runtime = TorchRuntime(folded(torch_network(group)), device="cpu", bf16=group.precision == "bf16")
    for side in group.sides:
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        yield side, 1, lambda picture=picture: runtime(picture), 1


def training_pytorch(group: Group) -> Iterator[Step]:
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
    for side in group.sides:
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


def exported(encoder: str, precision: str = "fp32") -> bytes:
    """The network as `smalta export` writes it, with random weights; made once, in a process of its own."""
    path = WORK / "planner" / f"{encoder}{'.int8' if precision == 'int8' else ''}.onnx"
    if not path.exists():
        subprocess.run([sys.executable, "-m", "bench.planner_ways", encoder, precision], check=True, cwd=REPOSITORY)
    return path.read_bytes()


def _make(encoder: str, precision: str) -> None:
    if precision != "int8":
        _export(encoder, WORK / "planner" / f"{encoder}.onnx")
        return
    import onnx

    from smalta.exporting.quantise import quantise

    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (256, 256, 3), np.uint8) for _ in range(CALIBRATION)]
    reduced = quantise(onnx.load_model_from_string(exported(encoder)), pictures)
    onnx.save(reduced, WORK / "planner" / f"{encoder}.int8.onnx")


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


def inference_openvino(group: Group) -> Iterator[Step]:
    openvino = import_openvino()
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if group.precision == "bf16" else "f32",
        "NUM_STREAMS": group.streams,
        "INFERENCE_NUM_THREADS": group.streams * group.threads,
    }
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(exported(group.encoder, group.precision)), "CPU", options)
    queue = openvino.AsyncInferQueue(compiled, group.streams)
    for side in group.sides:
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)

        def passes(picture: np.ndarray = picture) -> None:
            for _ in range(4 * group.streams):
                queue.start_async({0: picture}, share_inputs=True)
            queue.wait_all()

        yield side, 1, passes, 4 * group.streams


def inference_onnxruntime(group: Group) -> Iterator[Step]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = group.threads
    content = exported(group.encoder, group.precision)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for side in group.sides:
        picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        yield side, 1, lambda picture=picture: session.run(None, {name: picture}), 1


WAYS = {
    ("inference", "pytorch"): inference_pytorch,
    ("training", "pytorch"): training_pytorch,
    ("inference", "openvino"): inference_openvino,
    ("inference", "onnxruntime"): inference_onnxruntime,
}


if __name__ == "__main__":
    _make(*sys.argv[1:])
