"""Servers on this computer that send video as bad cameras do: they stall, close, refuse, never answer."""

from __future__ import annotations

import base64
import contextlib
import math
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Self

import av
import numpy as np

from clips import drifting

Step = bytes | float  # bytes are sent; a number is a wait in seconds, `HANG` until the server closes
HANG = math.inf
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
REFUSED = b'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"\r\nContent-Length: 0\r\n\r\n'


class _Server:
    """Accepts connections on the loopback and serves each in a thread of its own."""

    scheme = "http"

    def __init__(self) -> None:
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.connected_s: list[float] = []

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._socket.close()
        for thread in self._threads:
            thread.join(5)

    def address(self, user: str = "") -> str:
        """Of the stream; `user` is "NAME:PASSWORD"."""
        return f"{self.scheme}://{user}{'@' if user else ''}127.0.0.1:{self._socket.getsockname()[1]}/stream"

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connected_s.append(time.monotonic())
            thread = threading.Thread(target=self._guarded, args=(connection, len(self.connected_s) - 1), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _guarded(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(0.1)
        with connection, contextlib.suppress(OSError):  # the reader went away
            self._serve(connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        raise NotImplementedError

    def _send(self, connection: socket.socket, content: bytes) -> None:
        while content and not self._closing.is_set():
            try:
                content = content[connection.send(content[:4096]) :]
            except TimeoutError:
                continue

    def _requests(self, connection: socket.socket) -> Iterator[str]:
        """Heads of requests, until the reader or the server closes."""
        held = b""
        while not self._closing.is_set():
            try:
                part = connection.recv(4096)
            except TimeoutError:
                continue
            if not part:
                return
            held += part
            while b"\r\n\r\n" in held:
                head, held = held.split(b"\r\n\r\n", 1)
                yield head.decode()


class StreamServer(_Server):
    """Answers connection n with script n, and later ones with the last script.

    Args:
        scripts: steps after the request, the head of the answer included; the connection then closes.
    """

    def __init__(self, *scripts: Sequence[Step]) -> None:
        super().__init__()
        self._scripts = scripts
        self.requests: list[str] = []

    def _serve(self, connection: socket.socket, number: int) -> None:
        for head in self._requests(connection):
            self.requests.append(head)
            break
        for step in self._scripts[min(number, len(self._scripts) - 1)]:
            if isinstance(step, bytes):
                self._send(connection, step)
            else:
                self._closing.wait(None if math.isinf(step) else step)


class RtspServer(_Server):
    """A camera that speaks RTSP and sends H.264 inside that connection, in real time.

    Args:
        n_frames: of each connection, at 25 frames a second; then it closes.
        user: "NAME:PASSWORD" that it asks for; empty: none.
    """

    scheme = "rtsp"

    def __init__(self, n_frames: int, *, user: str = "") -> None:
        super().__init__()
        self._packets = _coded(n_frames)
        self._key = base64.b64encode(user.encode()).decode() if user else ""

    def _serve(self, connection: socket.socket, number: int) -> None:
        for request in self._requests(connection):
            found = re.search(r"CSeq: *(\d+)", request, re.IGNORECASE)
            tag = f"CSeq: {found[1] if found else 0}\r\n"
            if self._key and f"Basic {self._key}" not in request:
                refusal = f'RTSP/1.0 401 Unauthorized\r\n{tag}WWW-Authenticate: Basic realm="camera"\r\n\r\n'
                self._send(connection, refusal.encode())
                continue
            method = request.split(" ", 1)[0]
            self._send(connection, self._answer(method, tag).encode())
            if method == "PLAY":
                self._play(connection)
                return

    def _answer(self, method: str, tag: str) -> str:
        if method == "OPTIONS":
            return f"RTSP/1.0 200 OK\r\n{tag}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"
        if method == "DESCRIBE":
            content = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                "a=control:video\r\n"
            )
            head = f"RTSP/1.0 200 OK\r\n{tag}Content-Type: application/sdp\r\nContent-Length: {len(content)}\r\n\r\n"
            return head + content
        if method == "SETUP":
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            return f"RTSP/1.0 200 OK\r\n{tag}{transport}Session: 1\r\n\r\n"
        return f"RTSP/1.0 200 OK\r\n{tag}Session: 1\r\n\r\n"

    def _play(self, connection: socket.socket) -> None:
        sequence, start_s = 0, time.monotonic()
        for number, units in enumerate(self._packets):
            self._closing.wait(max(0.0, start_s + number / 25 - time.monotonic()))
            for place, unit in enumerate(units):
                marker = 0x80 if place == len(units) - 1 else 0
                head = struct.pack(">BBHII", 0x80, 96 | marker, sequence & 0xFFFF, 3600 * number, 1)
                sequence += 1
                self._send(connection, struct.pack(">cBH", b"$", 0, len(head) + len(unit)) + head + unit)


def _coded(n_frames: int) -> list[list[bytes]]:
    """NAL units of each frame."""
    coder = av.CodecContext.create("libx264", "w")
    coder.height, coder.width, coder.pix_fmt = 48, 64, "yuv420p"
    coder.time_base = Fraction(1, 25)
    coder.options = {"tune": "zerolatency", "g": "5"}
    packets = []
    for number in range(n_frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(drifting(number, (48, 64))), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        packets += [bytes(packet) for packet in coder.encode(frame)]
    return [[unit for unit in re.split(rb"\x00{2,3}\x01", packet) if unit] for packet in packets]
