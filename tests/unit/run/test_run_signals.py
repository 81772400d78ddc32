"""Signals before, during and after the time in which there is something to lose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from cfr_shm.run.signals import StopRequested, StopSignals, interrupts_held

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", NUMBERS)
def test_before_there_is_anything_to_lose_a_signal_ends_at_once(number):
    with StopSignals(), pytest.raises(StopRequested, match=number.name) as caught:
        signal.raise_signal(number)
    assert caught.value.signal_number == number
    assert isinstance(caught.value, KeyboardInterrupt)


@pytest.mark.parametrize("number", NUMBERS)
def test_later_it_only_asks(number):
    woken = []
    with StopSignals() as signals:
        signals.defer()
        signals.on_stop(lambda: woken.append(1))
        assert not signals.pending
        assert signals.exit_code == 0
        signal.raise_signal(number)
        assert signals.pending
        assert signals.exit_code == 128 + number
        signal.raise_signal(signal.SIGTERM)
        assert signals.exit_code == 128 + number
    assert woken == [1, 1]


def test_what_was_put_off_can_be_raised_later():
    with StopSignals() as signals:
        signals.defer()
        signals.raise_pending()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(StopRequested, match="SIGTERM"):
            signals.raise_pending()


def test_handlers_come_back():
    before = [signal.getsignal(number) for number in NUMBERS]
    with StopSignals():
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_in_another_thread_nothing_is_caught():
    before = [signal.getsignal(number) for number in NUMBERS]
    seen = []

    def enter() -> None:
        with StopSignals() as signals:
            seen.append(signals.pending)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [False]
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_second_ctrl_c_leaves_at_once_after_cleaning_up():
    program = """
import signal
from cfr_shm.run.signals import StopSignals
with StopSignals() as signals:
    signals.defer()
    signals.on_abandon(lambda: print("first made", flush=True))
    signals.on_abandon(lambda: print("last made", flush=True))
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    print("not reached")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stdout == "last made\nfirst made\n"


def test_an_interrupt_is_held_though_other_threads_let_it_through():
    """A mask would hold the main thread's alone, and a numeric library has threads."""
    over, came_through = threading.Event(), []
    other = threading.Thread(target=over.wait)
    other.start()

    def interrupted():
        with interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            came_through.append(True)

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        over.set()
        other.join()
    assert came_through == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_ignores_interrupts_goes_on_to():
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)
