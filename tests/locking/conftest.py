import errno
import fcntl
import os
import subprocess
import sys

import pytest


@pytest.fixture
def refuse_flock(monkeypatch):
    """Makes the file system one without flock, as errno says."""

    def refuse(number=errno.ENOLCK):
        def refused(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", refused)

    return refuse


@pytest.fixture(params=["kernel", "lease"])
def either(request, refuse_flock):
    """With the kernel's lock, and without."""
    if request.param == "lease":
        refuse_flock()
    return request.param


HOLD = """
import sys, time
from pathlib import Path
from bench import locking
with locking.lock(Path(sys.argv[1])) as held:
    print(held is not None, flush=True)
    time.sleep(100)
"""


@pytest.fixture
def other():
    """Starts a process that holds a folder; killed in the end."""
    started = []

    def start(folder, code=HOLD):
        words = [sys.executable, "-c", code, str(folder)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
