"""Watch a video with a model.

In:  a model, a video, rules, a folder.
Out: `Watched`, and the files of the folder.

Must not know: how frames become events, command lines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from smalta.api.paces import Region, network_way, paced
from smalta.errors import ConfigError
from smalta.inference.opened import OpenedModel, open_model
from smalta.inference.predictor import Predictor
from smalta.planning.machine import Machine, this_machine
from smalta.system.allocator import keep_large_blocks
from smalta.video.frames import open_video
from smalta.video.mqtt import Address
from smalta.video.pacing import Pace, VideoFacts
from smalta.video.rules import WatchRules
from smalta.video.seeing import Seer
from smalta.video.showing.outputs import Wanted, blurred_nodes
from smalta.video.status import Status
from smalta.video.watch import Job, Watched, header_of
from smalta.video.watch import watch as watch_video


def watch(
    model: str | Path | OpenedModel,
    source: str | Path,
    rules: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    video: bool = False,
    pictures: bool = False,
    blur: Collection[str] = (),
    mqtt: str | None = None,
    cores: int | None = None,
    key_every: int | None = None,
    region: Region | None = None,
    fps: float | None = None,
    status: Callable[[Status], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> Watched:
    """Watch a video: who crosses lines, who is in zones, which rules hold, as `smalta watch` does.

    A file is watched to its end, a live source until Ctrl-C or SIGTERM. The log in the folder is complete after each.

    Args:
        model: a run folder, the `model.safetensors` in it, or a `.onnx` file of `smalta export`.
        source: a video, a folder of pictures, an address such as "rtsp://camera/stream", or the number of a camera.
        rules: YAML file of the rules (docs/video-rules.md).
        out: folder for the log and the outputs (docs/video.md).
        resume: go on with the log of the folder.
        video: write an annotated video.
        pictures: write a picture for each event.
        blur: classes whose things are blurred in both.
        mqtt: address of a broker, such as "mqtt://user@broker/shop/door".
        cores: for the network; None for all usable ones.
        key_every: frames from one that the network sees to the next; None to decide.
        region: the part of the frames that the network sees; None for what the rules need.
        fps: pictures a second of a folder.
        status: called now and then with how the watch is doing.
        report: called with sentences for the user while the watch goes on.

    Raises:
        SmaltaError: if the model, the video, the rules, the folder or an option cannot be used.

    Example:
        >>> watched = watch("run", "street.mp4", "street.yaml", "newly_watched")
        >>> watched.time_s, watched.frames, watched.counts.lines
        (1.9, 20, ('kerb',))
    """
    folder, report = Path(out), report or (lambda sentence: None)
    opened = open_model(model)
    stated = WatchRules.read(rules, opened.info.tree, objects=opened.info.network.objects)
    wanted = Wanted(video=video, pictures=pictures, blur=tuple(blur), mqtt=mqtt)
    _check(wanted, stated, folder, cores)
    for note in stated.notes:
        report(note)
    opened_video = open_video(source, fps=fps)
    with opened_video:
        fitted = stated.fitted(opened_video.size_hw)
        facts = VideoFacts(size_hw=opened_video.size_hw, fps=opened_video.fps, live=opened_video.live)
        machine = this_machine() if facts.live else None
        pace = paced(opened, facts, stated, threads=cores, key_every=key_every, region_xyxy=region, machine=machine)
        job = Job(
            folder=folder,
            header=header_of(
                fitted,
                model=opened.digest,
                source=opened_video.source,
                size_hw=facts.size_hw,
                live=facts.live,
                settings=pace.to_dict(),
            ),
            rules=fitted,
            pace=pace,
            seer=_seer(opened, pace, machine),
            wanted=wanted,
            reopen=lambda number: open_video(source, fps=fps, from_frame=number),
            report=report,
            status=status,
        )
        return watch_video(opened_video, job, resume=resume)


def _check(wanted: Wanted, rules: WatchRules, folder: Path, cores: int | None) -> None:
    """Refuse what cannot be done, before a camera is asked for anything."""
    if cores is not None and cores < 1:
        raise ConfigError(f"--cores must be at least 1, got {cores}")
    if wanted.blur and not (wanted.video or wanted.pictures):
        raise ConfigError("--blur is for --video and --pictures; add one of them, or leave it out")
    blurred_nodes(wanted.blur, rules)
    if wanted.mqtt is not None:
        Address.parse(wanted.mqtt, name=folder.resolve().name)


def _seer(model: OpenedModel, pace: Pace, machine: Machine | None) -> Seer:
    """The model, ready to see frames; without a machine always in the same way, so a file has the same log again."""
    if machine is None:
        runtime = model.runtime(threads=pace.cores)
    else:
        runtime = model.runtime(network_way(model, machine, pace.working_hw, threads=pace.cores))
    keep_large_blocks()
    predictor = Predictor(runtime, model.info, digest=model.digest)
    seer = Seer(predictor, size_hw=pace.crop.size_hw, crop=pace.crop)
    if pace.live:  # the first pass takes several times as long, and frames would be lost meanwhile
        seer(np.zeros((*pace.crop.size_hw, 3), dtype=np.uint8))
    return seer
