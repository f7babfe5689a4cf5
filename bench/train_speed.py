"""Training pictures per second: `smalta train` against a plain loop of the same network.

`python -m bench.train_speed`. In: SMALTA_DATA. Out: bench/results/train_speed.json.

Both sides run in processes of their own, in turn, on the same views, with the same batch, crop and loss, making the
views included; smalta keeps them at one size here (`--first-view 1`). The plain loop is what a first script does:
float32, channels first, PyTorch's own convolutions, memory as glibc hands it out. It neither averages weights nor cuts
gradients, which smalta does within its time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.layers import Conv2dSame
from torch import nn

from bench.common import (
    WORK,
    exit_on_error,
    machine_facts,
    recorded_load,
    run,
    smalta_command,
    smalta_log,
    write_result,
)
from bench.prepare import prepared
from smalta.data.any_format import open_dataset
from smalta.data.fingerprint import measure
from smalta.errors import DataError
from smalta.model.depthwise import DepthwiseConv2d
from smalta.model.network import Network
from smalta.planning.machine import this_machine
from smalta.system.load import free_memory
from smalta.training.batches import Batches
from smalta.training.losses import TreeLoss, balanced_weights
from smalta.training.recipe import decide
from smalta.training.settings import TrainSettings
from smalta.training.train import DICE_WEIGHT
from smalta.training.training_plan import network_config, plan_training, work_of

EXPECTED = 2.0
WARM_UP = 4  # steps left out: kernels are built and memory grows in them
ROUNDS = 5
STEPS = 40  # of each side and round
DATA = "camvid_speed"


def smalta_rate(steps: int, folder: Path) -> float:
    """Pictures per second of `smalta train`, from its own log; validations are not in it."""
    run(
        *smalta_command(),
        "train",
        str(prepared(DATA)),
        "--out",
        str(folder),
        "--steps",
        str(steps),
        "--first-view",
        "1",
        "--quiet",
    )
    progress = [event for event in smalta_log(folder) if event["event"] == "progress" and event["step"] > WARM_UP]
    rates = [event["pictures_per_second"] for event in progress]
    if not rates:
        raise DataError(f"{steps} steps are too few to time: all lie in the warm-up of {WARM_UP}; use --steps 40")
    return statistics.median(rates)


def plain_rate(steps: int, folder: Path) -> float:
    """The same for the plain loop."""
    answer = folder / "rate.json"
    run(sys.executable, "-m", "bench.train_speed", "--plain", str(answer), "--steps", str(steps))
    return float(json.loads(answer.read_text(encoding="utf-8")))


def plain_loop(steps: int) -> float:
    """Pictures per second of the plain loop, in this process; the median step."""
    dataset = open_dataset(prepared(DATA))
    settings = TrainSettings(steps=steps)
    fingerprint = measure(dataset)
    free = free_memory()
    made = plan_training(work_of(settings, dataset.tree, fingerprint, objects=False), settings, this_machine(), free)
    recipe = decide(settings, fingerprint, free, ("semantic", ""), made)
    network = Network(network_config(settings, dataset.tree, recipe.stride, objects=False))  # all of it is trained
    network.encoder.load_imagenet_weights()
    for module in network.modules():
        if isinstance(module, DepthwiseConv2d):  # back to the layer that timm and the decoder made
            module.__class__ = Conv2dSame if module.same else nn.Conv2d
    loss = TreeLoss(dataset.tree, balanced_weights(dataset.tree, fingerprint.shares(dataset.tree)), dice=DICE_WEIGHT)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    batches = Batches(
        dataset,
        dataset.split("train"),
        np.ones(len(dataset.split("train"))),
        recipe.crop_hw,
        batch=recipe.batch,
        config=recipe.augment,
        seed=settings.seed,
        cache_bytes=recipe.cache_bytes,
    )
    source = batches.start(0)
    network.train()
    seconds = []
    for _ in range(steps):
        start = time.monotonic()
        batch = next(source)
        optimizer.zero_grad()
        value = loss(network(batch.pictures.contiguous())["semantic"], batch.labels)
        value.backward()
        optimizer.step()
        seconds.append(time.monotonic() - start)
    batches.close()
    return recipe.batch / statistics.median(seconds[WARM_UP:])


def compare(rounds: int, steps: int) -> dict[str, Any]:
    """Time both sides in turn; the side that begins changes from round to round."""
    sides = {"smalta": smalta_rate, "plain": plain_rate}
    rates: dict[str, list[float]] = {who: [] for who in sides}
    with recorded_load() as load:
        for index in range(rounds):
            for who in sorted(sides, reverse=bool(index % 2)):
                folder = WORK / "runs" / f"speed_{who}"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                rates[who].append(round(sides[who](steps, folder), 2))
                print(f"round {index + 1}: {who} {rates[who][-1]} pictures/s", flush=True)
    ratios = [round(a / b, 2) for a, b in zip(rates["smalta"], rates["plain"], strict=True)]
    ratio = statistics.median(ratios)
    medians = {who: statistics.median(values) for who, values in rates.items()}
    recipe = json.loads((WORK / "runs/speed_smalta/settings.json").read_text(encoding="utf-8"))["recipe"]
    views = f"batches of {recipe['batch']} views of {recipe['crop_hw'][0]}x{recipe['crop_hw'][1]}"
    return {
        "command": "python -m bench.train_speed"
        + (f" --rounds {rounds}" if rounds != ROUNDS else "")
        + (f" --steps {steps}" if steps != STEPS else ""),
        "sentence": f"Training speed, {views} from CamVid: smalta {medians['smalta']:.1f} pictures a "
        f"second, a plain float32 channels-first loop of the same network {medians['plain']:.1f}; ratio {ratio:.2f} "
        f"(median of {rounds} rounds, {min(ratios):.2f} to {max(ratios):.2f})",
        "ratio": ratio,
        "ratios": ratios,
        "pictures_per_second": rates,
        "steps": steps,
        "load": load,
        "machine": machine_facts(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="of each side and round")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)  # how this script starts its plain side
    options = parser.parse_args()
    if options.plain:
        options.plain.write_text(json.dumps(plain_loop(options.steps)), encoding="utf-8")
        return
    result = compare(options.rounds, options.steps)
    scratch = (options.rounds, options.steps) != (ROUNDS, STEPS)
    write_result("train_speed", result, scratch=scratch)
    print(result["sentence"])
    if result["ratio"] < EXPECTED:
        print(f"the ratio is below the {EXPECTED:g} that we expect; was the machine busy? {result['load']}")


if __name__ == "__main__":
    exit_on_error(main)
