"""Stopping on request: SIGTERM and Ctrl-C set a flag that the training loop reads."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _StopRequest:
    """The flag; a plain attribute, since a handler may run inside any lock that it would take."""

    def __init__(self) -> None:
        self.made = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.made:
            raise KeyboardInterrupt
        self.made = True

    def __call__(self) -> bool:
        return self.made


@contextmanager
def catching_signals() -> Iterator[Callable[[], bool]]:
    """Inside the block, SIGTERM and SIGINT are noted instead of ending the process.

    Ctrl-C after a first request raises KeyboardInterrupt at once. The former handlers are back
    when the block ends. Outside the main thread, where Python allows no handlers, none are set.

    Yields:
        A function that is True from the first request on; what `fit` takes as `interrupted`.
    """
    request = _StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    former = {number: signal.signal(number, request.handle) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in former.items():
            # None: set by something other than Python, and not to be had back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
