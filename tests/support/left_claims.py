"""Claims that dead and distant processes left behind."""

import json
import os
import socket
import subprocess
import sys
import time

from bench import locking


def dead_pid():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def leave_behind(folder, *, pid=1, age_seconds=0.0, **more):
    path = folder / "claim.json"
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": pid, "by": "x"} | more))
    grow_old(folder, age_seconds)


def grow_old(folder, age_seconds):
    then = time.time() - age_seconds
    os.utime(folder / "claim.json", (then, then))


def is_taken(folder):
    with locking.lock(folder) as held:
        return held is not None
