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
    """As `fake_run` names the run."""
    manifest, versions = {"key": "m", "images": {}}, {"engine": 1, "degradation": 1}
    protocol = {"engine": {"threads": 3}, "data": {"limit": None}}
    spec = {"dataset": "folder", "method": method, "lq_ratio": "native", "seed": seed}
    spec |= {"method_digest": None, "settings": "common", "study": None, "protocol": protocol}
    spec |= {"manifest": manifest, "versions": versions, "method_version": 1, "world_size": 1}
    shared = json.dumps(
        [protocol, "m", "common", versions, 1], separators=(",", ":"), sort_keys=True
    )
    about = {"changed_options": "", "protocol_name": "smoke", "real": True, "partial": False}
    about |= {"boxes": "none", "assumptions": [], "command": command(seed, method)}
    about |= {"shares": {"train": 0.0, "validation": 0.0, "test": 0.0}}
    about |= {"classes": ["none", "some"], "kind": "grading"}
    key = hashlib.sha256(shared.encode()).hexdigest()[:8]
    return {"id": run_id, "key": key, "spec": spec, "about": about}


def command(seed: int, method: str) -> str:
    words = f"--method {method} --dataset folder --lq-ratio native --seed {seed}"
    return f"bench run {words} --protocol smoke"


def record(folder: Path, seed: int, method: str) -> None:
    """The files of a result; its predictions depend on what was asked for alone."""
    scores = {"n": 8, "majority": 0.5, "kappa": 1.0, "accuracy": 1.0}
    origin = {"command": command(seed, method), "commit": "c", "device": "cpu", "device_name": "x"}
    origin |= {"packages": {}, "python": "3.11", "seconds": 2}
    files = {
        "predictions.parquet": predictions(random.Random(f"{method} {seed}")),
        "metrics.json": json.dumps({"validation": {}, "test": scores}).encode(),
        "provenance.json": json.dumps(origin).encode(),
        "spec.json": (folder / "spec.json").read_bytes(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    note(folder / "made.txt")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / "DONE.partial").write_text(json.dumps(digests))
    (folder / "DONE.partial").replace(folder / "DONE")


def predictions(chance: random.Random) -> bytes:
    """Eight images of each split, half of either grade, all answered rightly."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    grades = [0, 1] * 8
    sure = [chance.uniform(0.6, 1.0) for _ in grades]
    right = [(p if grade == 0 else 1 - p) for p, grade in zip(sure, grades, strict=True)]
    columns = {
        "split": ["validation"] * 8 + ["test"] * 8,
        "image_id": [f"i{number}" for number in range(16)],
        "patient_id": [f"p{number}" for number in range(16)],
        "quality": [0] * 16,
        "degraded": [False] * 16,
        "label": grades,
        "p_0": right,
        "p_1": [1 - p for p in right],
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


if __name__ == "__main__":
    main(sys.argv[1:])
