"""Messages to a broker: what is sent and kept, a broker that is away or refuses, passwords."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker import NOT_AUTHORIZED, LoopbackBroker
from smalta.errors import ConfigError
from smalta.video import mqtt
from smalta.video.mqtt import Address, Broker, Counted, discovery

COUNTED = Counted(zones={"shop": "person"}, places=["place 1"], lines={"door": "person"}, events=["queue"])
COUNTS = {"zones": {"shop": 2}, "places": {"place 1": True}, "lines": {"door": {"in": 3, "out": 1}}, "events": {}}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def server() -> Iterator[LoopbackBroker]:
    with LoopbackBroker() as running:
        yield running


def address(server: LoopbackBroker, before: str = "") -> Address:
    return Address.parse(f"mqtt://{before}127.0.0.1:{server.port}/shop/door", name="out")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", ("broker", 1883, False, None, None, "smalta/my_shop")),
        ("mqtts://broker/a/b/", ("broker", 8883, True, None, None, "a/b")),
        ("mqtt://anna:p%40ss@[::1]:99", ("::1", 99, False, "anna", "p@ss", "smalta/my_shop")),
    ],
)
def test_an_address_has_host_port_user_and_topic(url: str, expected: tuple[object, ...]) -> None:
    made = Address.parse(url, name="my shop")

    assert (made.host, made.port, made.tls, made.user, made.password, made.topic) == expected


def test_a_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mqtt.PASSWORD, "secret")

    assert Address.parse("mqtt://anna@broker", name="x").password == "secret"
    assert Address.parse("mqtt://anna:own@broker", name="x").password == "own"


@pytest.mark.parametrize(
    "url", ["http://anna:secret@broker", "mqtt://", "mqtt://a:secret@broker:port", "mqtt://a:secret@broker/a/#", "x"]
)
def test_a_wrong_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Address.parse(url, name="x")

    assert "secret" not in str(refused.value)
    assert "mqtt://USER@HOST:PORT/TOPIC" in str(refused.value)


def test_home_assistant_is_told_of_every_number() -> None:
    topic, content = discovery(Address.parse("mqtt://broker/shop/door", name="x"), COUNTED)

    assert topic == "homeassistant/device/shop_door/config"
    assert content["state_topic"] == "shop/door/counts"
    assert content["availability_topic"] == "shop/door/status"
    assert set(content["components"]) == {
        "zone_shop",
        "line_door_in",
        "line_door_out",
        "places_place_1",
        "events_queue",
    }
    assert content["components"]["line_door_in"] == {
        "platform": "sensor",
        "unique_id": "shop_door_line_door_in",
        "name": "door in",
        "value_template": '{{ value_json.lines["door"].in }}',
        "unit_of_measurement": "person",
        "state_class": "total_increasing",
    }
    assert content["components"]["places_place_1"]["platform"] == "binary_sensor"


def test_a_broker_gets_state_description_counts_and_events(server: LoopbackBroker, told: list[str]) -> None:
    broker = Broker(address(server, "anna:secret@"), COUNTED, told.append)
    server.wait(lambda messages: len(messages) == 2)
    broker.event({"kind": "crossing", "name": "door"})
    broker.counts(COUNTS)
    broker.close()

    assert [(m.topic, m.retain, m.qos) for m in server.messages] == [
        ("homeassistant/device/shop_door/config", True, 1),
        ("shop/door/status", True, 1),
        ("shop/door/event", False, 1),
        ("shop/door/counts", True, 1),
        ("shop/door/status", True, 1),
    ]
    assert [m.payload for m in server.of("shop/door/status")] == [b"online", b"offline"]
    assert server.of("shop/door/counts")[0].json() == COUNTS
    (login,) = server.logins
    server.wait(lambda _: login.left)
    assert (login.will, login.user, login.password, login.left) == (
        ("shop/door/status", b"offline"),
        "anna",
        "secret",
        True,
    )
    assert told == []


def test_counts_are_sent_at_most_once_a_second_and_the_last_ones_always(server: LoopbackBroker) -> None:
    broker = Broker(address(server), COUNTED, print)
    server.wait(lambda messages: len(messages) == 2)
    for number in range(50):
        broker.counts({"zones": {"shop": number}})
    broker.close()

    assert [m.json()["zones"]["shop"] for m in server.of("shop/door/counts")] == [0, 49]


def test_events_wait_for_a_broker_that_comes_back_and_the_user_is_told_once(
    server: LoopbackBroker, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "RECONNECT_SECONDS", (0.01, 0.01))
    broker = Broker(address(server), COUNTED, told.append)
    broker.counts(COUNTS)
    server.wait(lambda messages: len(messages) >= 2)
    server.stop()
    while not told:
        pass
    broker.event({"number": 1})
    broker.event({"number": 2})
    server.start()
    server.wait(lambda messages: len([m for m in messages if m.topic == "shop/door/event"]) == 2)
    broker.close()

    assert [m.json()["number"] for m in server.of("shop/door/event")] == [1, 2]
    assert server.of("shop/door/counts")[-1].json() == COUNTS
    assert any("is gone" in sentence for sentence in told)
    assert len(told) == len(set(told)) <= 3


def test_a_broker_that_is_away_stops_nothing(told: list[str], server: LoopbackBroker) -> None:
    nowhere = address(server)
    server.stop()
    broker = Broker(nowhere, COUNTED, told.append)
    for number in range(mqtt.MOST_WAITING + 5):
        broker.event({"number": number})
    while not told:
        pass
    broker.close()

    assert "does not answer; watching goes on" in told[0]
    assert told[1:] == [
        f"{mqtt.MOST_WAITING + 5} messages did not reach the MQTT broker at 127.0.0.1:{server.port}; "
        "the log has all events"
    ]


def test_a_broker_that_refuses_is_told_once_without_the_password(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "RECONNECT_SECONDS", (0.01, 0.01))
    with LoopbackBroker(refuse=NOT_AUTHORIZED) as server:
        broker = Broker(address(server, "anna:secret@"), COUNTED, told.append)
        while len(server.logins) < 3:
            pass
        broker.close()

    assert len(told) == 1
    assert "refuses the connection (Not authorized); check user and password" in told[0]
    assert "secret" not in told[0]
