from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from smalta.system.interrupts import end_like_ctrl_c, hold_interrupts


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """The handler that a terminal's program starts with; one that was started in the background has none."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []

    def block() -> None:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    done = []

    def block() -> None:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_the_block_is_just_a_block() -> None:
    with hold_interrupts():
        pass
    with pytest.raises(ValueError, match="own"), hold_interrupts():
        raise ValueError("own")

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_ctrl_c_that_somebody_else_handles_or_ignores_stays_theirs() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_nothing_to_hold() -> None:
    failed = []

    def work() -> None:
        try:
            with hold_interrupts():
                pass
        except ValueError as error:  # only the main thread may set a handler
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert failed == []


def test_the_signal_that_stops_services_acts_like_ctrl_c() -> None:
    done = []

    def block() -> None:
        with end_like_ctrl_c(), hold_interrupts():
            signal.raise_signal(signal.SIGTERM)
            done.append("rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["rest of the block"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_that_signal_ends_a_program_that_ignores_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    done = []

    def block() -> None:
        with end_like_ctrl_c(), hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            done.append("rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
