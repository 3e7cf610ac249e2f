"""Items made in a thread before they are asked for, while a graphics card computes."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")
AHEAD = 2
"""How many items are made before they are asked for."""

POLL_SECONDS = 0.1
"""After which a thread that waits for room looks whether it is still wanted."""


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items in the same order, a few of them made in a thread before they are asked for.

    What making one raises is raised where it is asked for. Whoever stops asking stops the thread.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not stop.is_set():
            try:
                return made.put((kind, value), timeout=POLL_SECONDS)
            except queue.Full:
                continue

    thread = threading.Thread(target=_make, args=(items, put, stop), daemon=True)
    thread.start()
    try:
        while True:
            kind, value = made.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
        thread.join()


def _make(items: Iterator[Any], put: Callable[[str, Any], None], stop: threading.Event) -> None:
    try:
        for item in items:
            put("item", item)
            if stop.is_set():
                return
    except BaseException as error:
        put("error", error)
    else:
        put("end", None)
