"""Stands in for `python -m bench run`: works in steps, resumes where it was, leaves a record.

It holds the run's folder as a real run does. What it is to do besides stands in its settings:
`steps` of 0.05 s each, and for the first `times` tries, after `after` steps, an `end`: kill, term,
full, broken, wrong or nan.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from bench.locking import lock

STEP_SECONDS = 0.05
SAYS = {
    "full": (1, "OSError: [Errno 28] No space left on device: 'x'"),
    "broken": (1, "OSError: [Errno 13] Permission denied: 'x'"),
    "wrong": (2, "bench: --set x: no such setting"),
    "nan": (1, "NonFiniteLoss: the loss is nan in epoch 3, step 7"),
}


def main(words: list[str]) -> None:
    options = dict(zip(words[1:-1:2], words[2::2], strict=False))
    changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    asked = {"steps": "3", "end": "", "times": "1", "after": "1"}
    asked |= dict(change.split("=") for change in changes)
    folder = Path(options["--data"])
    while not (folder / "DONE").is_file():
        with lock(folder) as mine:
            if mine:
                work(folder, int(options["--seed"]), options["--method"], asked)
                return
        time.sleep(STEP_SECONDS)


def work(folder: Path, seed: int, method: str, asked: dict[str, str]) -> None:
    tries = note(folder / "tries.txt")
    (folder / "gpu.txt").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    (folder / "spec.json").write_text(json.dumps(spec_of(folder.name, seed, method)))
    checkpoint = folder / "checkpoint.txt"
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    step = int(checkpoint.read_text()) if checkpoint.is_file() else 0
    while step < int(asked["steps"]):
        if asked["end"] and tries <= int(asked["times"]) and step >= int(asked["after"]):
            end(asked["end"])
        time.sleep(STEP_SECONDS)
        step += 1
        partial = checkpoint.with_suffix(".partial")
        partial.write_text(str(step))
        partial.replace(checkpoint)
        if stopping:
            print("bench: stopped\nresume with: bench", file=sys.stderr)
            sys.exit(4)
    record(folder, seed, method)


def note(path: Path) -> int:
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(path.read_text().splitlines())


def end(how: str) -> None:
    if how in ("kill", "term"):
        os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGTERM)
        return
    code, said = SAYS[how]
    print("Traceback (most recent call last):", said, sep="\n", file=sys.stderr)
    sys.exit(code)


def spec_of(run_id: str, seed: int, method: str) -> dict:
    spec = {"dataset": "folder", "method": method, "lq_ratio": "native", "seed": seed}
    spec |= {"method_digest": None, "settings": "common", "study": None, "protocol": {}}
    spec |= {"manifest": {"key": "m"}, "versions": {"engine": 1}, "method_version": 1}
    about = {"changed_options": "", "protocol_name": "smoke", "real": True, "partial": False}
    about |= {"boxes": "none", "assumptions": [], "shares": {"test": 0.5}}
    return {"id": run_id, "key": "k", "spec": spec, "about": about}


def record(folder: Path, seed: int, method: str) -> None:
    """The files of a result; its predictions depend on what was asked for alone."""
    files = {
        "predictions.parquet": random.Random(f"{method} {seed}").randbytes(64),
        "metrics.json": json.dumps({"test": {"n": 9, "kappa": seed / 10}}).encode(),
        "provenance.json": json.dumps({"device": "cpu", "device_name": "x", "seconds": 2}).encode(),
        "spec.json": (folder / "spec.json").read_bytes(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    note(folder / "made.txt")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / "DONE.partial").write_text(json.dumps(digests))
    (folder / "DONE.partial").replace(folder / "DONE")


if __name__ == "__main__":
    main(sys.argv[1:])
