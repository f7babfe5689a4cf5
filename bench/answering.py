"""One program that answers for pictures, timed in a process of its own.

`python -m bench.answering SIDE --size NAME --seconds S --json FILE`; `bench.answer_speed` starts it.

In:  the pictures and models that `bench.answer_speed` made.
Out: a JSON file: pictures per second from files to files, the peak memory; the masks in bench/work/answers.

All sides decode with `read_picture` and encode with `write_index`. The plain loops are what a first script does: one
picture after the other, float32 and channels first where PyTorch runs, the runtimes with their own defaults, an argmax
over the full-size answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import WORK, exit_on_error, peak_bytes
from bench.models import PLAIN, PRECISION, WEIGHTS, exported, trained
from smalta.classes import ClassTree
from smalta.pictures.reading import read_picture
from smalta.pictures.writing import write_index
from smalta.system.first_use import import_openvino

PICTURES = WORK / "data" / "answering"
ANSWERS = WORK / "answers"
LEAST = 2  # pictures of a timed job
ALONE_SECONDS = 3.0  # of the network alone
Answer = Callable[[Sequence[Path], Path], None]  # for pictures, into OUT/classes
Forward = Callable[[np.ndarray], np.ndarray]  # (H, W, 3) uint8 to (H, W) channels of the best leaf


def pictures_of(size: str) -> list[Path]:
    """The files of one size, in order."""
    return sorted((PICTURES / size).glob("*.png"))


def plain_loop(forward: Forward, tree: ClassTree) -> Answer:
    """Read, ask, write; one after the other."""
    values = tree.node_to_value[list(tree.leaves)]

    def answer(pictures: Sequence[Path], out: Path) -> None:
        (out / "classes").mkdir(parents=True, exist_ok=True)
        for path in pictures:
            write_index(out / "classes" / f"{path.stem}.png", values[forward(read_picture(path))])

    return answer


# -- the sides ----------------------------------------------------------------------------------------


class Smalta:
    """`smalta predict` in this process, as its command line calls it.

    Args:
        model: the file.
        pictures: that will be asked about; the plan is made for them.
    """

    def __init__(self, model: Path, pictures: Sequence[Path]) -> None:
        from smalta.api.answering import planned
        from smalta.planning.plan import Limits
        from smalta.results.options import OutputOptions

        self.options = OutputOptions()
        self.model = model
        self.predictor = planned(model, pictures, Limits(), self.options)

    def __call__(self, pictures: Sequence[Path], out: Path) -> None:
        from smalta.inference.answering import failed, predict_files

        for outcome in failed(predict_files(self.predictor, pictures, out, self.options)):
            raise SystemExit(outcome.error)

    def network_alone(self, picture: np.ndarray, seconds: float) -> dict[str, Any]:
        """How fast the network runs without files, and what share of the machine's measured peak rate that is.

        Args:
            picture: (H, W, 3) uint8; of a picture that the plan cuts, one tile is taken.
            seconds: to spend.
        """
        from smalta.inference.answer_plan import answering_work
        from smalta.planning.machine import this_machine

        made, runtime = self.predictor.plan, self.predictor.runtime
        if made is not None and made.tile_hw is not None:
            picture = np.ascontiguousarray(picture[: made.tile_hw[0], : made.tile_hw[1]])
        precision = self.predictor.info.precision
        runtime.maps(picture[None])
        start = time.perf_counter()

        def stream(_: int) -> int:
            passes = 0
            while passes == 0 or time.perf_counter() - start < seconds:
                runtime.maps(picture[None])
                passes += 1
            return passes

        with ThreadPoolExecutor(runtime.streams) as pool:
            passes = sum(pool.map(stream, range(runtime.streams)))
        per_pass = (time.perf_counter() - start) / passes
        size_hw = picture.shape[:2]
        operations = answering_work(self.model, size_hw).workloads[32].operations
        machine = this_machine()
        peak = machine.rates.flops_of(precision, machine.cores, machine.cores)
        return {
            "size_hw": list(size_hw),
            "precision": precision,
            "streams": runtime.streams,
            "seconds": per_pass,
            "operations": operations,
            "peak_rate": peak,
            "share_of_peak": operations / per_pass / peak,
        }


def our_network() -> Answer:
    """Our network in PyTorch."""
    import torch
    import torch.nn.functional as F

    from smalta.model.storage import load_model

    network, info = load_model(trained("semantic") / WEIGHTS)
    network.eval()

    @torch.inference_mode()
    def forward(picture: np.ndarray) -> np.ndarray:
        batch, height, width = _batch(picture)
        logits = network(batch)["semantic"]
        whole = F.interpolate(logits, scale_factor=float(info.network.stride), mode="bilinear", align_corners=False)
        return whole[0, :, :height, :width].argmax(dim=0).numpy()

    return plain_loop(forward, info.tree)


def smp_unet() -> Answer:
    """smp's Unet with the same encoder; what it has learnt does not change its speed."""
    import torch

    from bench.rivals.smp_unet import Rival

    rival = Rival.fresh(_tree())
    rival.network.eval()

    @torch.inference_mode()
    def forward(picture: np.ndarray) -> np.ndarray:
        batch, height, width = _batch(picture)
        return rival.network((batch - rival.mean) / rival.std)[0, :, :height, :width].argmax(dim=0).numpy()

    return plain_loop(forward, rival.tree)


def _batch(picture: np.ndarray) -> tuple[Any, int, int]:
    """(1, 3, h, w) float32, channels first, padded to a multiple of 32; and the sides of the picture."""
    import torch
    import torch.nn.functional as F

    height, width = picture.shape[:2]
    planes = torch.tensor(picture).permute(2, 0, 1)[None].float().contiguous()
    return F.pad(planes, (0, -width % 32, 0, -height % 32), mode="replicate"), height, width


def onnx_runtime() -> Answer:
    """The exported file in ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported("semantic", PLAIN)), providers=["CPUExecutionProvider"])
    return plain_loop(lambda picture: session.run(["semantic"], {"pictures": picture[None]})[0][0].argmax(0), _tree())


def open_vino(**options: str) -> Answer:
    """The exported file in OpenVINO, which takes bf16 by itself where the processor has it."""
    openvino = import_openvino()
    compiled = openvino.Core().compile_model(str(exported("semantic", PLAIN)), "CPU", options)
    return plain_loop(lambda picture: compiled(picture[None])["semantic"][0].argmax(0), _tree())


def _tree() -> ClassTree:
    from smalta.runtimes.onnx_file import examine

    return examine(exported("semantic", PLAIN).read_bytes()).tree


SIDES: dict[str, Callable[[Sequence[Path]], Answer]] = {
    "smalta": lambda pictures: Smalta(exported("semantic", PRECISION), pictures),
    "smp": lambda _: smp_unet(),
    "pytorch": lambda _: our_network(),
    "onnxruntime": lambda _: onnx_runtime(),
    "openvino": lambda _: open_vino(),
    "openvino_fp32": lambda _: open_vino(INFERENCE_PRECISION_HINT="f32"),
}
if PRECISION != PLAIN:
    SIDES["smalta_fp32"] = lambda pictures: Smalta(exported("semantic", PLAIN), pictures)

# -- timing -------------------------------------------------------------------------------------------


def timed(answer: Answer, pictures: Sequence[Path], out: Path, seconds: float) -> dict[str, Any]:
    """Pictures per second, after one picture to warm up and some to see how many fit into the time.

    Args:
        answer: the side.
        pictures: at least one file; as many as fit are asked about, from the first on.
        out: where answers go; emptied before.
        seconds: about how long.
    """

    def job(chosen: Sequence[Path]) -> float:
        shutil.rmtree(out, ignore_errors=True)
        start = time.perf_counter()
        answer(chosen, out)
        return time.perf_counter() - start

    job(pictures[:1])
    chosen = pictures[: max(LEAST, int(seconds / 4 / job(pictures[-1:])))]
    taken = job(chosen)
    if taken < seconds / 2 and len(chosen) < len(pictures):  # one alone took longer than each of many
        chosen = pictures[: int(len(chosen) * seconds / taken)]
        taken = job(chosen)
    return {"pictures": len(chosen), "seconds": taken, "pictures_per_second": len(chosen) / taken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--size", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go")
    options = parser.parse_args()
    victim = Path("/proc/self/oom_score_adj")
    if victim.exists():
        victim.write_text("1000")  # if the memory does not suffice, it is this process that ends
    pictures = pictures_of(options.size)
    start = time.perf_counter()
    answer = SIDES[options.side](pictures)
    result = {"load_seconds": time.perf_counter() - start}
    result |= timed(answer, pictures, ANSWERS / options.size / options.side, options.seconds)
    result["peak_bytes"] = peak_bytes()
    if isinstance(answer, Smalta):
        result["network"] = answer.network_alone(read_picture(pictures[0]), min(options.seconds, ALONE_SECONDS))
    options.json.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    exit_on_error(main)
