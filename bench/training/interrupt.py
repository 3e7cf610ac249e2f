"""Stopping on request: SIGTERM and Ctrl-C set a flag that long work reads; then they insist.

A run is crash-safe: whatever is on the disk is whole, and the same command resumes. So work that
does not read the flag soon enough, in a decoder or in a large matrix product, may be left in the
middle of anything.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from bench.errors import Interrupted

SIGNALS = (signal.SIGTERM, signal.SIGINT)
PATIENCE_SECONDS = 0.5
"""How long a run may take to read the flag; then it is left, so that two seconds are enough."""


class _Left(BaseException):
    """Raised by the alarm; no handler of exceptions on the way out shall take it for a failure."""


class _StopRequest:
    """The flag; a plain attribute, since a handler may run inside any lock that it would take."""

    def __init__(self, patience: float | None) -> None:
        self.made, self.over, self.patience = False, False, patience

    def handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.made:
            raise KeyboardInterrupt
        if not self.made and self.patience is not None:
            signal.setitimer(signal.ITIMER_REAL, self.patience)
        self.made = True

    def insist(self, number: int, frame: FrameType | None) -> None:
        if not self.over:
            raise _Left

    def __call__(self) -> bool:
        return self.made


@contextmanager
def catching_signals(patience: float | None = None) -> Iterator[Callable[[], bool]]:
    """Inside the block, SIGTERM and SIGINT are noted instead of ending the process.

    Ctrl-C after a first request raises KeyboardInterrupt at once. The former handlers are back
    when the block ends. Outside the main thread, where Python allows no handlers, none are set.

    Args:
        patience: Seconds after a request at which the block is left if it still runs; None waits
            until it has read the flag.

    Yields:
        A function that is True from the first request on; what `fit` takes as `interrupted`.

    Raises:
        Interrupted: the patience is over.
    """
    request = _StopRequest(patience)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    former = {number: signal.signal(number, request.handle) for number in SIGNALS}
    if patience is not None:
        former[signal.SIGALRM] = signal.signal(signal.SIGALRM, request.insist)
    try:
        yield request
    except _Left:
        raise Interrupted("stopped; what was finished until then is kept") from None
    finally:
        request.over = True
        if patience is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in former.items():
            # None: set by something other than Python, and not to be had back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
