"""The local launcher on six stand-ins for runs: `fake_sweep.py FOLDER STEPS`."""

import sys
from pathlib import Path

from fake_runs import PROGRAM, fake_run

from bench.errors import BenchError
from bench.sweeps import launch, pool
from bench.sweeps.plan import Plan


def main(folder: Path, steps: int) -> int:
    pool.PROGRAM, pool.WAIT_SECONDS = PROGRAM, (0.1, 0.1)
    pool.POLL_SECONDS, pool.ELSEWHERE_SECONDS = 0.02, 0.05
    methods = ("resnet50", "comcl")
    runs = [fake_run(folder, n // 2, methods[n % 2], steps=steps) for n in range(6)]
    try:
        return int(launch.here(Plan(tuple(runs), ()), 2, False).failed)
    except BenchError as error:
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
