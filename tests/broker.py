"""A small MQTT 3.1.1 broker on the loopback, which remembers what a client sends.

It answers CONNECT, PUBLISH with QoS 0 and 1, PINGREQ and DISCONNECT (OASIS, MQTT Version 3.1.1, section 3). Nobody can
subscribe.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 12, 13, 14
NOT_AUTHORIZED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One PUBLISH."""

    topic: str
    payload: bytes
    qos: int
    retain: bool

    def json(self) -> Any:
        return json.loads(self.payload)


@dataclass(slots=True)
class Login:
    """One CONNECT: the last will, and who connects."""

    will: tuple[str, bytes] | None = None
    user: str | None = None
    password: str | None = None
    left: bool = field(default=False)  # by DISCONNECT


class LoopbackBroker:
    """Runs from `with` to its end, or until `stop`; `start` runs it again on the same port.

    Args:
        refuse: the return code of CONNACK, 0 to accept.
    """

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.messages: list[Message] = []
        self.logins: list[Login] = []
        self.port = 0
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self._sockets = [listening]
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def stop(self) -> None:
        """Close all connections at once."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def wait(self, holds: Callable[[list[Message]], bool], seconds: float = 10.0) -> None:
        """Wait until something holds of the messages."""
        until = time.monotonic() + seconds
        while not holds(list(self.messages)):
            assert time.monotonic() < until, [message.topic for message in self.messages]
            time.sleep(0.005)

    def of(self, topic: str) -> list[Message]:
        return [message for message in list(self.messages) if message.topic == topic]

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        login = Login()
        try:
            with connection, connection.makefile("rb") as stream:
                while header := stream.read(1):
                    self._answer(connection, header[0], stream.read(_length(stream)), login)
        except (OSError, ValueError):  # closed meanwhile
            return

    def _answer(self, connection: socket.socket, header: int, body: bytes, login: Login) -> None:
        kind = header >> 4
        if kind == CONNECT:
            _read_login(body, login)
            self.logins.append(login)
            connection.sendall(bytes([CONNACK << 4, 2, 0, self.refuse]))
            if self.refuse:
                connection.shutdown(socket.SHUT_RDWR)
        elif kind == PUBLISH:
            qos, topic, rest = (header >> 1) & 3, *_text(body)
            if qos:
                connection.sendall(bytes([PUBACK << 4, 2]) + rest[:2])
            payload = rest[2:] if qos else rest
            self.messages.append(Message(topic=topic.decode(), payload=payload, qos=qos, retain=bool(header & 1)))
        elif kind == PINGREQ:
            connection.sendall(bytes([PINGRESP << 4, 0]))
        elif kind == DISCONNECT:
            login.left = True


def _length(stream: Any) -> int:
    """The remaining length, 7 bits a byte."""
    length = shift = 0
    while True:
        (byte,) = stream.read(1)
        length |= (byte & 127) << shift
        if byte < 128:
            return length
        shift += 7


def _text(body: bytes) -> tuple[bytes, bytes]:
    """A field with its length before it, and what follows."""
    (length,) = struct.unpack("!H", body[:2])
    return body[2 : 2 + length], body[2 + length :]


def _read_login(body: bytes, login: Login) -> None:
    protocol, rest = _text(body)
    assert (protocol, rest[0]) == (b"MQTT", 4)
    flags, rest = rest[1], rest[4:]
    _, rest = _text(rest)  # the client's id
    if flags & 4:
        topic, rest = _text(rest)
        payload, rest = _text(rest)
        login.will = (topic.decode(), payload)
    if flags & 128:
        user, rest = _text(rest)
        login.user = user.decode()
    if flags & 64:
        password, rest = _text(rest)
        login.password = password.decode()
