"""A sweep as one Slurm job array: a task of the array is a run.

The script holds nothing of a site: partition, account, time limit and GPUs come from the variables
that `sbatch` itself reads (SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT, SBATCH_GPUS, ...).
"""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.errors import RequestError
from bench.sweeps.plan import PlannedRun, words
from bench.sweeps.pool import PROGRAM

# Slurm sends USR1 to the script before the time limit; the run gets TERM, writes its checkpoint and
# ends, and the task queues itself again. TERM from Slurm (cancelled, preempted) is handed on alone.
SCRIPT = """#!/bin/bash
#SBATCH --job-name=bench-sweep
#SBATCH --array=1-{count}{throttle}
#SBATCH --cpus-per-task={threads}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@{grace}
#SBATCH --output="{logs}/%a.log"
set -u
line=$(sed -n "${{SLURM_ARRAY_TASK_ID}}p" {runs})
eval "exec $line" &
child=$!
again=no
trap 'again=yes; kill -TERM "$child" 2>/dev/null' USR1
trap 'kill -TERM "$child" 2>/dev/null' TERM
while wait "$child"; kill -0 "$child" 2>/dev/null; do :; done
wait "$child"; code=$?  # of the run: an answer in the loop may be that of a trap
if [ "$again" = yes ] && [ "$code" -ne 0 ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$code"
"""
GRACE_SECONDS = 120


def require() -> None:
    """Refuse where Slurm is not.

    Raises:
        RequestError: naming the way out.
    """
    if shutil.which("sbatch") is None:
        raise RequestError(
            "--launcher slurm: there is no sbatch here; run this where Slurm is, or take the "
            "command lines that --launcher print writes to whatever queue there is"
        )


def write(runs: Sequence[PlannedRun], folder: Path, *, throttle: int | None) -> Path:
    """The script of an array and, beside it, its runs, one command a line.

    Args:
        folder: Made; logs go to its `logs`.
        throttle: How many tasks may run at a time; None for as many as Slurm lets.
    """
    folder = folder.resolve()
    (folder / "logs").mkdir(parents=True)
    lines = [shlex.join([*PROGRAM, *words(run.request)]) for run in runs]
    (folder / "runs.txt").write_text("".join(line + "\n" for line in lines))
    script = folder / "array.sh"
    script.write_text(
        SCRIPT.format(
            count=len(runs),
            throttle=f"%{throttle}" if throttle else "",
            threads=max(run.spec.protocol["engine"]["threads"] for run in runs),
            grace=GRACE_SECONDS,
            logs=str(folder / "logs").replace("%", "%%"),
            runs=shlex.quote(str(folder / "runs.txt")),
        )
    )
    return script


def submit(runs: Sequence[PlannedRun], *, throttle: int | None) -> tuple[str, Path]:
    """The number of the job that Slurm gave an array of these runs, and the array's folder.

    Raises:
        RequestError: with what `sbatch` said, when it refuses.
    """
    require()
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    script = write(runs, runs[0].request.results / "slurm" / stamp, throttle=throttle)
    done = subprocess.run(
        ["sbatch", "--parsable", str(script)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RequestError(
            f"sbatch refuses {script}: {done.stderr.strip()}; set what your site wants by "
            "SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT, SBATCH_GPUS and the like"
        )
    return done.stdout.strip().partition(";")[0], script.parent
