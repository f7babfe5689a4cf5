"""What kind of thing a source of video is, how it is shown to people, and why it cannot be read.

In:  what the user wrote: a path, an address, the number of a camera; an error of PyAV.
Out: kind and target of the source, its name without passwords, a reason in plain words.

Messages of FFmpeg and PyAV name the whole address. So none of their text is passed on: the reasons here are chosen by
the kind of an error alone. Must not know: decoding, frames.
"""

from __future__ import annotations

import errno
import importlib
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal
from urllib.parse import unquote

from smalta.errors import ConfigError, DataError

STREAMS = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtp", "srt", "tcp", "udp")
HIDDEN = "***"
CLOSED = "the source closed the connection"

_ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(.*)$", re.DOTALL)  # a Path has one slash less
_SECRET = re.compile(
    r"((?:pass(?:word|wd|phrase)?|pwd|secret|token|auth|signature|sig|key)=)[^&;/?#\s]*", re.IGNORECASE
)
_CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of video.

    Attributes:
        kind: "file", "pictures" (a folder of them), "stream" (an address), "camera".
        shown: for people, without password.
        path: of a file or a folder.
        address: what FFmpeg opens; it may hold a password, so it is never shown.
        format: of FFmpeg; None: FFmpeg finds it.
    """

    kind: Literal["file", "pictures", "stream", "camera"]
    shown: str
    path: Path | None = None
    address: str = ""
    format: str | None = None

    def __repr__(self) -> str:
        return f"Source(kind={self.kind!r}, shown={self.shown!r})"


def source_of(source: str | Path) -> Source:
    """What the user's words mean. Files are not opened.

    Raises:
        ConfigError: if the address has an unknown scheme, or cameras have no numbers on this system.
        DataError: if a file or a folder does not exist.
    """
    address = _address(source)
    if address and address[0] == "file":
        return _on_disk(Path(unquote(f"/{address[1].lstrip('/')}")))
    if address:
        scheme, rest = address
        if scheme not in STREAMS:
            raise ConfigError(
                f"{shown_source(source)} begins with {scheme}://, which is no stream that smalta reads; "
                f"use one of {', '.join(STREAMS)}, or the path of a file"
            )
        return Source(kind="stream", shown=shown_source(source), address=f"{scheme}://{rest}")
    path = Path(source)
    text = str(source)
    if text.isascii() and text.isdigit() and not path.exists():
        return _camera(int(text))
    return _on_disk(path)


def shown_source(source: str | Path) -> str:
    """The source as people may see it: passwords in addresses are replaced by `***`.

    Hidden are the password before the last `@`, and the values of `password=`, `token=` and the like, anywhere in the
    address.

    Example:
        >>> shown_source("rtsp://admin:se/cr@t@10.0.0.7/stream?token=abc")
        'rtsp://admin:***@10.0.0.7/stream?token=***'
    """
    address = _address(source)
    if not address:
        return str(source)
    scheme, rest = address
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    end = rest.rfind("@") if ":" in authority or "@" in authority else -1  # a password may hold / ? # that end it
    if end >= 0:
        user, colon, _password = rest[:end].partition(":")
        rest = f"{user}{colon}{HIDDEN if colon else ''}{rest[end:]}"
    return f"{scheme}://" + _SECRET.sub(rf"\g<1>{HIDDEN}", rest)


def pyav() -> ModuleType:
    """PyAV.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise ConfigError(
            "reading video needs PyAV, which is not installed; run `pip install 'smalta[video]'`"
        ) from error


def reason_of(error: Exception, *, silent_s: float) -> str:
    """Why a stream stopped or could not be opened, in words that hold nothing of the address.

    Args:
        error: of PyAV.
        silent_s: how long it was waited for, seconds.
    """
    av = pyav().error
    reasons: tuple[tuple[tuple[str, ...], str], ...] = (
        (("HTTPUnauthorizedError", "HTTPForbiddenError"), "the user name or the password is wrong"),
        (("HTTPNotFoundError",), "the server does not know this address"),
        (("ExitError", "TimeoutError"), f"no frame for {silent_s:g} s"),
        (("ConnectionRefusedError",), "the connection was refused"),
        (("ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "EOFError"), CLOSED),
        (("ProtocolNotFoundError",), "the installed FFmpeg cannot open this kind of address"),
        (("InvalidDataError",), "what it sends is not video that FFmpeg can read"),
        (("PermissionError",), "this user may not open it"),
        (("FileNotFoundError",), "it does not exist"),
        (("HTTPClientError", "HTTPError"), "the server refused the request"),
    )
    for names, reason in reasons:
        if isinstance(error, tuple(getattr(av, name) for name in names)):
            return reason
    if getattr(error, "errno", None) == errno.EIO:  # FFmpeg's word for a server that hangs up
        return CLOSED
    return f"it cannot be reached ({type(error).__name__})"


def _address(source: str | Path) -> tuple[str, str] | None:
    """Scheme in lower case, and what follows `://`; None for a path."""
    found = _ADDRESS.match(str(source))
    if not found or (isinstance(source, Path) and found[1].lower() not in STREAMS):
        return None
    return found[1].lower(), found[2]


def _on_disk(path: Path) -> Source:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise DataError(f"{path} {'does not exist' if missing else 'cannot be opened'}; check the path") from error
    if stat.S_ISDIR(mode):
        return Source(kind="pictures", shown=str(path), path=path)
    if stat.S_ISCHR(mode):  # /dev/video0
        return Source(kind="camera", shown=str(path), address=str(path), format="v4l2")
    return Source(kind="file", shown=str(path), path=path, address=f"file:{path}")


def _camera(number: int) -> Source:
    if sys.platform not in _CAMERAS:
        raise ConfigError(
            f"camera {number} cannot be opened by its number on {sys.platform}; name the address of a stream instead"
        )
    camera_format, pattern = _CAMERAS[sys.platform]
    return Source(kind="camera", shown=f"camera {number}", address=pattern.format(number), format=camera_format)
