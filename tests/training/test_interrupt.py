import signal
import threading

import pytest

from bench.training.interrupt import catching_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_flag_and_nothing_else(number):
    with catching_signals() as interrupted:
        assert not interrupted()
        signal.raise_signal(number)
        assert interrupted()


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_ctrl_c_after_a_request_stops_at_once(first):
    with pytest.raises(KeyboardInterrupt), catching_signals():
        signal.raise_signal(first)
        signal.raise_signal(signal.SIGINT)


def test_a_second_sigterm_is_no_hurry():
    with catching_signals() as interrupted:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert interrupted()


def test_the_former_handlers_are_back_even_after_an_error():
    former = [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)]
    with pytest.raises(ZeroDivisionError), catching_signals():
        assert signal.getsignal(signal.SIGTERM) != former[0]
        raise ZeroDivisionError
    assert [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)] == former


def test_each_block_has_a_flag_of_its_own():
    with catching_signals() as first:
        signal.raise_signal(signal.SIGTERM)
    with catching_signals() as second:
        assert first()
        assert not second()


def test_another_thread_gets_a_flag_that_stays_down():
    answers = []

    def work():
        with catching_signals() as interrupted:
            answers.append((interrupted(), signal.getsignal(signal.SIGTERM)))

    former = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [(False, former)]
