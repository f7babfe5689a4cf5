"""Plan the pace at which a model sees a video.

In:  a model, a video, rules, limits.
Out: `Pace`.

Must not know: how a pace is decided or shown, command lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from smalta.description.training_facts import picture_size
from smalta.errors import ModelError
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import OpenedModel, is_model, open_model
from smalta.planning.candidates import candidate
from smalta.planning.cost import Way
from smalta.planning.machine import Machine, this_machine
from smalta.planning.plan import Limits
from smalta.planning.planner import plan
from smalta.planning.plausible import plausible
from smalta.system.cores import usable_cores
from smalta.video.frames import open_video
from smalta.video.needed_region import needed_region
from smalta.video.pacing import Pace, VideoFacts, pace
from smalta.video.rules import WatchRules


def plan_video(
    model: str | Path,
    video: str | Path,
    *,
    rules: str | Path | None = None,
    fps: float | None = None,
    threads: int | None = None,
    key_every: int | None = None,
) -> Pace:
    """Plan which frames of a video a model would see, with reasons, as `smalta plan MODEL --video` does.

    Args:
        model: a run folder, or a `.onnx` file of `smalta export`.
        video: a file, a folder of pictures, an address, or the number of a camera.
        rules: YAML file of the rules; None for the whole picture.
        fps: pictures a second of a folder.
        threads: for the network; None for all usable cores.
        key_every: frames from one key frame to the next; None to decide.

    Raises:
        SmaltaError: if the model, the video or the rules cannot be used, or they do not fit each other.
    """
    if not is_model(Path(model)):
        raise ModelError(f"{model} is no trained model; give a run folder or a .onnx file with --video")
    opened = open_model(model)
    with open_video(video, fps=fps) as source:
        facts = VideoFacts(size_hw=source.size_hw, fps=source.fps, live=source.live)
    stated = None if rules is None else WatchRules.read(rules, opened.info.tree, objects=opened.info.network.objects)
    return paced(opened, facts, stated, threads=threads, key_every=key_every, machine=this_machine())


def paced(
    model: OpenedModel,
    video: VideoFacts,
    rules: WatchRules | None,
    *,
    threads: int | None = None,
    key_every: int | None = None,
    machine: Machine | None = None,
) -> Pace:
    """The pace of a video.

    Args:
        model: that sees it.
        video: size, rate and kind.
        rules: as they are written; they are fitted to the video. None for the whole picture.
        threads: for the network; None for all usable cores.
        key_every: as for `plan_video`.
        machine: predicts the seconds of the network. A live source needs it; without it, a file's pace is the same and
            shows no seconds of the network.
    """
    region, why = needed_region(None if rules is None else rules.fitted(video.size_hw), video.size_hw)
    return pace(
        video,
        stride=model.info.network.stride,
        region_xyxy=region,
        region_why=why,
        trained_hw=picture_size(model.info.facts),
        network_s=None if machine is None else _network_seconds(model, machine, threads),
        cores=min(threads or usable_cores(), usable_cores()),
        key_every=key_every,
    )


def _network_seconds(model: OpenedModel, machine: Machine, threads: int | None) -> Callable[[tuple[int, int]], float]:
    """Predicts the seconds of one pass over a picture (height, width) on all cores, with nothing beside it."""
    limits = Limits(threads=threads)

    def seconds(size_hw: tuple[int, int]) -> float:
        work = answering_work(model, size_hw)
        way = Way.of(plan(work, machine, limits))
        alone = replace(way, streams=1, threads=way.streams * way.threads)
        return candidate(work, plausible(machine), alone, None, 1).latency

    return seconds
