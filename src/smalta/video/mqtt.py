"""Send events and counts to an MQTT broker, so that Home Assistant shows them without configuration.

In:  the address of a broker, names of what is counted, events and counts.
Out: messages: the state of the watcher and its counts (retained), every event, and the description of the device for
     Home Assistant (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload).

A broker that is away never stops the watcher: a thread of paho-mqtt connects again, and events wait for it.

Must not know: frames, tracks, the log, how counts are made.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from smalta.errors import ConfigError
from smalta.version import __version__

PORTS = {"mqtt": 1883, "mqtts": 8883}
PASSWORD = "SMALTA_MQTT_PASSWORD"  # environment variable, for a URL without a password
DISCOVERY = "homeassistant"  # Home Assistant's own prefix
MOST_WAITING = 1000  # events that wait for a broker that is away
COUNTS_SECONDS = 1.0  # between two messages of counts
CLOSE_SECONDS = 3.0  # for the last messages
RECONNECT_SECONDS = (1, 60)
ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where messages go.

    Attributes:
        host, port: of the broker.
        tls: whether the connection is encrypted.
        user, password: for the broker; None for none.
        topic: that all topics of this watcher begin with.
    """

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    topic: str

    @property
    def shown(self) -> str:
        """Host and port, for sentences."""
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str, *, name: str) -> Self:
        """Read an address such as `mqtt://user:password@broker:1883/shop/door`.

        Args:
            url: `mqtt://` or `mqtts://` (TLS), user and password, host, port, topic. All are optional except the
                host. A password may be in the environment variable SMALTA_MQTT_PASSWORD instead.
            name: of the watcher; the topic is smalta/NAME if the URL has none.

        Raises:
            ConfigError: if it is not such an address; the sentence never holds the password.
        """
        fix = "write it as mqtt://USER@HOST:PORT/TOPIC"
        if "#" in url or "?" in url:
            raise ConfigError(f"the MQTT address holds '#' or '?'; in a password write them as %23 and %3F, and {fix}")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f"the MQTT address has a port or host that cannot be read; {fix}") from error
        if parts.scheme not in PORTS or not host:
            raise ConfigError(f"the MQTT address {_shown(url)!r} needs mqtt:// or mqtts:// and a host; {fix}")
        topic = unquote(parts.path).strip("/") or f"smalta/{_plain(name)}"
        if any(sign in topic for sign in "+#\0"):
            raise ConfigError(f"the MQTT topic {topic!r} must not hold '+' or '#'; {fix}")
        password = os.environ.get(PASSWORD) if parts.password is None else unquote(parts.password)
        return cls(
            host=host,
            port=port or PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=None if parts.username is None else unquote(parts.username),
            password=password,
            topic=topic,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The names of what a watcher counts.

    Attributes:
        zones: each with the name of what is counted in it.
        places: zones that are free or taken.
        lines: each with the name of what crosses it.
        events: that begin and end.
    """

    zones: Mapping[str, str]
    places: Sequence[str]
    lines: Mapping[str, str]
    events: Sequence[str]


def discovery(address: Address, counted: Counted) -> tuple[str, dict[str, Any]]:
    """Topic and content of the message that describes the watcher to Home Assistant 2024.11 or later.

    Zones and lines become sensors, places and events become binary sensors. All read the retained counts.
    """
    device = _plain(address.topic)
    parts: dict[str, dict[str, Any]] = {}

    def add(kind: str, key: str, title: str, template: str, **more: str) -> None:
        parts[_plain(key)] = {
            "platform": kind,
            "unique_id": f"{device}_{_plain(key)}",
            "name": title,
            "value_template": "{{ " + template + " }}",
            **more,
        }

    for zone, unit in counted.zones.items():
        value = f"value_json.zones[{json.dumps(zone)}]"
        add("sensor", f"zone_{zone}", zone, value, unit_of_measurement=unit, state_class="measurement")
    for line, unit in counted.lines.items():
        for way in ("in", "out"):
            value = f"value_json.lines[{json.dumps(line)}].{way}"
            more = {"unit_of_measurement": unit, "state_class": "total_increasing"}
            add("sensor", f"line_{line}_{way}", f"{line} {way}", value, **more)
    for kind, names in (("places", counted.places), ("events", counted.events)):
        for name in names:
            value = f"'ON' if value_json.{kind}[{json.dumps(name)}] else 'OFF'"
            more = {"device_class": "occupancy"} if kind == "places" else {}
            add("binary_sensor", f"{kind}_{name}", name, value, **more)
    content = {
        "device": {"identifiers": [device], "name": address.topic, "manufacturer": "smalta", "model": "smalta watch"},
        "origin": {"name": "smalta", "sw_version": __version__},
        "components": parts,
        "state_topic": f"{address.topic}/counts",
        "availability_topic": f"{address.topic}/status",
        "qos": 1,
    }
    return f"{DISCOVERY}/device/{device}/config", content


class Broker:
    """The connection of a watcher to its broker.

    Args:
        address: of the broker.
        counted: what Home Assistant is told of.
        report: called with a sentence if the broker is away or refuses, once each.

    Raises:
        ConfigError: if paho-mqtt is not installed.
    """

    def __init__(self, address: Address, counted: Counted, report: Callable[[str], None]) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise ConfigError("--mqtt needs paho-mqtt; run `pip install 'smalta[mqtt]'`") from error
        self._address, self._counted, self._report = address, counted, report
        self._counts: str | None = None
        self._sent: tuple[str | None, float] = (None, -COUNTS_SECONDS)
        self._told: set[str] = set()
        self._queued = self._arrived = self._refused = 0  # messages; paho's thread alone changes `_arrived`
        self._closing = False
        client = self._client = Client(CallbackAPIVersion.VERSION2)
        client.max_queued_messages_set(MOST_WAITING)
        client.reconnect_delay_set(*RECONNECT_SECONDS)
        client.will_set(f"{address.topic}/status", OFFLINE, qos=1, retain=True)
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set()
        client.on_connect, client.on_connect_fail = self._connected, self._away
        client.on_disconnect, client.on_publish = self._lost, self._reached
        client.connect_async(address.host, address.port)
        client.loop_start()

    def event(self, content: Mapping[str, Any]) -> None:
        """Send an event; it waits for a broker that is away, with at most `MOST_WAITING` others."""
        until = time.monotonic() + CLOSE_SECONDS
        while self._client.is_connected() and self._queued - self._arrived >= MOST_WAITING and time.monotonic() < until:
            time.sleep(0.005)  # a file may have more events than a broker takes
        self._send("event", json.dumps(content), retain=False)

    def counts(self, content: Mapping[str, Any]) -> None:
        """Set the counts; they are sent if they changed, at most once in `COUNTS_SECONDS`."""
        self._counts = json.dumps(content)
        text, at = self._sent
        if self._counts != text and time.monotonic() - at >= COUNTS_SECONDS and self._client.is_connected():
            self._send_counts()

    def close(self) -> None:
        """Send what waits, then say that the watcher is offline; takes at most `CLOSE_SECONDS`."""
        self._closing = True
        if connected := self._client.is_connected():
            if self._counts not in (None, self._sent[0]):
                self._send_counts()
            self._send("status", OFFLINE)
            until = time.monotonic() + CLOSE_SECONDS
            while self._arrived < self._queued and time.monotonic() < until:
                time.sleep(0.01)
        unsent = self._refused + self._queued - self._arrived
        self._client.disconnect()
        if connected:
            self._client.loop_stop()
        if unsent:
            self._report(
                f"{unsent} messages did not reach the MQTT broker at {self._address.shown}; the log has all events"
            )

    # -- in paho's thread -----------------------------------------------------------------------------

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            said = (
                f"the MQTT broker at {self._address.shown} refuses the connection ({reason}); check user and password"
            )
            self._tell("refused", said)
            return
        if self._told:
            self._tell("back", f"the MQTT broker at {self._address.shown} answers")
        topic, content = discovery(self._address, self._counted)
        self._publish(topic, json.dumps(content), retain=True)
        self._send("status", ONLINE)
        if self._counts is not None:
            self._send_counts()

    def _away(self, client: Any, data: Any) -> None:
        self._tell("away", f"the MQTT broker at {self._address.shown} does not answer; {_GOING_ON}")

    def _lost(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure and not self._closing and "refused" not in self._told:
            self._tell("lost", f"the MQTT broker at {self._address.shown} is gone ({reason}); {_GOING_ON}")

    def _reached(self, client: Any, data: Any, message: Any, reason: Any, properties: Any) -> None:
        self._arrived += 1

    def _tell(self, what: str, sentence: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._report(sentence)

    # -- in both --------------------------------------------------------------------------------------

    def _send_counts(self) -> None:
        self._sent = (self._counts, time.monotonic())
        self._send("counts", self._counts or "")

    def _send(self, part: str, text: str, *, retain: bool = True) -> None:
        self._publish(f"{self._address.topic}/{part}", text, retain=retain)

    def _publish(self, topic: str, text: str, *, retain: bool) -> None:
        if self._client.publish(topic, text, qos=1, retain=retain).rc == _FULL:
            self._refused += 1
        else:
            self._queued += 1


_GOING_ON = f"watching goes on, and up to {MOST_WAITING} events wait for it"
_FULL = 15  # MQTT_ERR_QUEUE_SIZE of paho-mqtt


def _plain(name: str) -> str:
    """A name of letters, digits, "_" and "-", as discovery topics need."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "camera"


def _shown(url: str) -> str:
    """A URL without what may be a password."""
    return re.sub(r"//[^/]*@", "//", url)
