"""`smalta watch` and the commands around it: `zones`, `frames`, `replay`, `watch-check`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smalta.cli.common import Quiet, Run, out, progress_bar, report
from smalta.errors import ConfigError

LINE_SECONDS = 10.0  # between two lines of the status, where there is no terminal
STOPPED = 130  # exit code after Ctrl-C

Source = Annotated[
    str,
    typer.Argument(
        metavar="VIDEO",
        help="A video, a folder of pictures, an address such as rtsp://camera/stream, or a camera's number.",
    ),
]
Fps = Annotated[float | None, typer.Option(help="Pictures a second, for a folder of pictures.", show_default=False)]
Log = Annotated[Path, typer.Argument(metavar="EVENTS", help="Folder of a watch, or its events.jsonl.")]
Rules = Annotated[Path, typer.Option(help="Zones, lines and events of the camera, such as shop.yaml.")]
Folder = Annotated[Path, typer.Option("--out", help="Folder for the log and the results.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the log of the folder.")]
WithVideo = Annotated[
    bool, typer.Option("--video", help="Also write an annotated video, video.mp4. It shows what the camera sees.")
]
Pictures = Annotated[bool, typer.Option("--pictures", help="Also write a picture for each event into pictures/.")]
Blur = Annotated[
    list[str] | None,
    typer.Option(
        help="Class whose things are blurred in the video and the pictures, such as person; may be repeated.",
        show_default=False,
    ),
]
Mqtt = Annotated[
    str | None,
    typer.Option(help="Send events and counts to this broker: mqtt://USER@HOST:PORT/TOPIC.", show_default=False),
]
Cores = Annotated[int | None, typer.Option(help="Cores for the network.", show_default=False)]
KeyEvery = Annotated[int | None, typer.Option(help="Let the network see every n-th frame.", show_default=False)]
Region = Annotated[
    str | None,
    typer.Option(help="Part of the frames that the network sees: LEFT,TOP,RIGHT,BOTTOM in pixels.", show_default=False),
]


def watch(
    model: Run,
    video: Source,
    rules: Rules,
    folder: Folder,
    resume: Resume = False,
    with_video: WithVideo = False,
    pictures: Pictures = False,
    blur: Blur = None,
    mqtt: Mqtt = None,
    cores: Cores = None,
    key_every: KeyEvery = None,
    region: Region = None,
    fps: Fps = None,
    quiet: Quiet = False,
) -> None:
    """Watch a video or a camera: count who crosses lines and stays in zones, and keep a log that proves each count."""
    from smalta.api.watching import watch as watch_video
    from smalta.report.watch_tables import counts_table, status_text
    from smalta.video.status import Status

    with progress_bar(quiet) as bar:
        bar.stage("watch")

        def show(status: Status) -> None:
            bar.work("watching", status_text(status), status.share, every=LINE_SECONDS)

        watched = watch_video(
            model,
            video,
            rules,
            folder,
            resume=resume,
            video=with_video,
            pictures=pictures,
            blur=blur or (),
            mqtt=mqtt,
            cores=cores,
            key_every=key_every,
            region=None if region is None else box(region),
            fps=fps,
            status=show,
            report=lambda sentence: None if quiet else report(sentence),
        )
    if not quiet:
        for note in watched.notes:
            report(note)
        out.print(counts_table(watched.counts), highlight=False)
        out.print(
            f"the log is in {escape(str(folder / 'events.jsonl'))}; counts.csv and charts are beside it",
            highlight=False,
        )
    if watched.stopped:
        raise typer.Exit(STOPPED)


def zones(
    video: Source,
    file: Annotated[Path, typer.Option("--out", help="PNG file for the still.")],
    at: Annotated[float, typer.Option(help="Second of the video that the still shows.")] = 0.0,
    fps: Fps = None,
    quiet: Quiet = False,
) -> None:
    """Write a still of a video with a grid of pixels, to read the coordinates of zones and lines from."""
    from smalta.video.still import write_still

    still = write_still(video, file, at_s=at, fps=fps)
    if not quiet:
        out.print(f"a still of {still.size_hw[1]}x{still.size_hw[0]} px is in {escape(str(file))}", highlight=False)


def frames(
    video: Source,
    folder: Annotated[Path, typer.Option("--out", help="Folder of the data set.")],
    count: Annotated[int, typer.Option(help="How many frames.")] = 20,
    model: Annotated[
        Path | None,
        typer.Option(help="A model; frames in which it sees something new are preferred.", show_default=False),
    ] = None,
    fps: Fps = None,
    quiet: Quiet = False,
) -> None:
    """Pick the frames of a video that are worth labelling: sharp, and unlike each other."""
    from smalta.cli.common import mover
    from smalta.video.picking import write_frames

    with progress_bar(quiet) as bar:
        picked = write_frames(video, folder, count, model, fps=fps, progress=mover(bar, "frames"))
    if not quiet:
        for note in picked.notes:
            report(note)
        out.print(
            f"{len(picked.pictures)} frames are in {escape(str(folder / 'images'))}; label them, then train on "
            f"{escape(str(folder))}",
            highlight=False,
        )


def replay(
    events: Log,
    by: Annotated[str, typer.Option(help="Stretches of time: minute, 15min, hour, day, or seconds.")] = "hour",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write all rows to this file.", show_default=False)] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all rows and totals to this file.", show_default=False)
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Count a log again, stretch by stretch: lines, zones, events, and each class at every level."""
    from smalta.report.watch_tables import replay_table
    from smalta.system.whole_files import write_bytes
    from smalta.video.replay import replay as count_again

    counted = count_again(events, by=by)
    for path, text in ((csv, counted.to_csv), (json, counted.to_json)):
        if path is not None:
            write_bytes(path, text().encode())
    if not quiet:
        out.print(replay_table(counted), highlight=False)
        for path in filter(None, (csv, json)):
            out.print(f"the rows are in {escape(str(path))}", highlight=False)


def watch_check(
    events: Log,
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH.csv", help="Windows that people counted: from,to,name,in,out.")
    ],
    quiet: Quiet = False,
) -> None:
    """Compare a log with windows that people counted, and learn intervals for further windows of that length."""
    from smalta.report.watch_tables import check_table
    from smalta.video.intervals import FILE
    from smalta.video.intervals import watch_check as check

    checked = check(events, truth)
    if quiet:
        return
    out.print(check_table(checked), highlight=False)
    if checked.intervals is not None:
        folder = events if events.is_dir() else events.parent
        out.print(
            f"{checked.intervals.coverage:.0%} intervals for windows of {checked.intervals.window_s:g} s are in "
            f"{escape(str(folder / FILE))}; smalta replay --by {checked.intervals.window_s:g} shows them",
            highlight=False,
        )


def box(text: str) -> tuple[float, float, float, float]:
    """Parse a box from text such as "40,90,600,350".

    Raises:
        ConfigError: if it is not LEFT,TOP,RIGHT,BOTTOM with a positive width and height.
    """
    found = re.fullmatch(
        r"\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*", text
    )
    values = None if found is None else tuple(map(float, found.groups()))
    if values is None or values[0] >= values[2] or values[1] >= values[3]:
        raise ConfigError(f"--region is {text!r}; write LEFT,TOP,RIGHT,BOTTOM in pixels, such as 40,90,600,350")
    return values[0], values[1], values[2], values[3]
