"""Standard error for progress: writing to it can neither fail nor wait.

Its reader may have gone (a closed terminal, `| head`), may not read (a pager that shows another
page), or the disk under a log may be full. None of that is a reason for a run to fail or to stand
still, so a thread does the writing, and what cannot be written is dropped.
"""

import contextlib
import io
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

HELD = 1000
"""Pieces of text that wait for a reader; more are dropped."""

LAST_SECONDS = 1.0
"""How long the end of a block waits for its last lines to be read."""


class _Forgiving(io.TextIOBase):
    """A text stream in front of another one that has a file descriptor."""

    def __init__(self, stream: TextIO):
        self._stream, self._descriptor = stream, stream.fileno()
        self._waiting: queue.Queue[bytes | None] = queue.Queue(HELD)
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Of the stream behind."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(text.encode(self.encoding, "backslashreplace"))
        return len(text)

    def end(self) -> None:
        """Wait a little for what is still to be written, then leave it."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=LAST_SECONDS)
        self._thread.join(LAST_SECONDS)

    def _write_all(self) -> None:
        # Straight to the descriptor: a thread that waits inside Python's own buffer would hold its
        # lock, and the interpreter could not end.
        while (piece := self._waiting.get()) is not None:
            with contextlib.suppress(OSError):
                while piece:
                    piece = piece[os.write(self._descriptor, piece) :]


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Until the block ends, whatever is written to standard error is written if it can be."""
    usual = sys.stderr
    try:
        usual.flush()
        stream = _Forgiving(usual)
    except (OSError, ValueError, AttributeError):
        # No descriptor (a test's or a notebook's own stream), closed, or none at all (pythonw).
        yield
        return
    sys.stderr = stream  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        sys.stderr = usual
        stream.end()
