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
from smalta.errors import ConfigError, ModelError
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import OpenedModel, is_model, open_model
from smalta.planning.candidates import Work, candidate
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

LEAST_SIDE = 32  # pixels of a region
Region = tuple[float, float, float, float]  # left, top, right, bottom, pixels


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

    Example:
        >>> plan_video("run", "street.mp4", rules="street.yaml").key_every
        2
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
    region_xyxy: Region | None = None,
    machine: Machine | None = None,
) -> Pace:
    """The pace of a video.

    Args:
        model: that sees it.
        video: size, rate and kind.
        rules: as they are written; they are fitted to the video. None for the whole picture.
        threads: for the network; None for all usable cores.
        key_every: as for `plan_video`.
        region_xyxy: the part to see, pixels; None for what the rules need.
        machine: predicts the seconds of the network. A live source needs it; without it, a file's pace is the same and
            shows no seconds of the network.
    """
    if region_xyxy is None:
        region, why = needed_region(None if rules is None else rules.fitted(video.size_hw), video.size_hw)
    else:
        region, why = _asked(region_xyxy, video.size_hw), "--region asks for it"
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

    def seconds(size_hw: tuple[int, int]) -> float:
        work = answering_work(model, size_hw)
        alone = _alone(work, machine, threads)
        return candidate(work, plausible(machine), alone, None, 1).latency

    return seconds


def network_way(model: OpenedModel, machine: Machine, size_hw: tuple[int, int], *, threads: int) -> Way:
    """The fastest way to run the network on one picture after the other.

    Args:
        model: that is run.
        machine: that runs it.
        size_hw: of the pictures, pixels.
        threads: that it may use.
    """
    return _alone(answering_work(model, size_hw), machine, threads)


def _alone(work: Work, machine: Machine, threads: int | None) -> Way:
    """The planned way with all its threads in one stream."""
    way = Way.of(plan(work, machine, Limits(threads=threads)))
    return replace(way, streams=1, threads=way.streams * way.threads)


def _asked(region_xyxy: Region, size_hw: tuple[int, int]) -> Region:
    """The region that the user asks for, cut at the picture's edges."""
    left, top, right, bottom = region_xyxy
    cut = max(left, 0.0), max(top, 0.0), min(right, size_hw[1]), min(bottom, size_hw[0])
    if cut[2] - cut[0] < LEAST_SIDE or cut[3] - cut[1] < LEAST_SIDE:
        raise ConfigError(
            f"--region {left:g},{top:g},{right:g},{bottom:g} leaves less than {LEAST_SIDE} x {LEAST_SIDE} px of "
            f"frames of {size_hw[1]}x{size_hw[0]}; write LEFT,TOP,RIGHT,BOTTOM in pixels"
        )
    return cut
