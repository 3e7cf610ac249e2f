"""What a table of 400 records of EyeQ's size costs, in seconds of work: others may be at it too."""

import os
import subprocess
import sys
import time
from itertools import product

import numpy as np
import pandas as pd
import pytest
from graded import patients_of
from traced_records import CLASSES, traced_run

from bench import store
from bench.evaluation.joint import joint_scores
from bench.evaluation.metrics import score_all
from bench.evaluation.statistics import estimate, score
from bench.experiments import RATIOS, TABLE1

IMAGES, SEEDS = 16_249, 11
GRADES = (11_362, 1_398, 2_644, 448, 397)
METHODS = [row.method for row in TABLE1.rows]
EXTRA = [("comcl-v1", "native", seed) for seed in range(4)]
PLACES = [*product(METHODS, RATIOS, range(SEEDS)), *EXTRA]


def predictions(rng, labels, patients, miss):
    """A share `miss` of the images is graded at random."""
    grades = np.where(rng.random(len(labels)) < miss, rng.integers(0, 5, len(labels)), labels)
    noise = rng.random((len(labels), 5), dtype=np.float32)
    probabilities = noise + 5 * np.eye(5, dtype=np.float32)[grades]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    table = pd.DataFrame(probabilities, columns=[f"p_{grade}" for grade in range(5)])
    split = np.where(np.arange(len(labels)) < IMAGES, "test", "validation")
    names = [f"{place}_left.jpeg" for place in range(len(labels))]
    described = {"split": split, "image_id": names, "patient_id": patients.astype(str)}
    return table.assign(**described, label=labels, quality=0, degraded=False)


def answers(root, rng, labels, patients):
    """Predictions on the disk and their scores, to be shared by runs."""
    table = predictions(rng, labels, patients, rng.uniform(0.1, 0.3))
    store.write_predictions(root / "predictions.parquet", table)
    scores = score_all(table, kind="grading", classes=CLASSES)
    return (root / "predictions.parquet").read_bytes(), scores


def make_run(root, place, *answered):
    method, ratio, seed = place
    return traced_run(root, method, ratio, seed, dataset="eyeq-twin", answered=answered)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """400 runs: all rows and columns of Table 1, eleven seeds, and four of another method."""
    root, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(5), GRADES))
    labels = np.concatenate([labels, labels[:1000]])
    patients = patients_of(rng, len(labels))
    patients[IMAGES:] += 1
    # Fewer answers than runs and more than a cell has seeds: no cell repeats one.
    made = [answers(root, rng, labels, patients) for _ in range(37)]
    return [make_run(root, place, *made[n % 37]) for n, place in enumerate(PLACES)]


def measured(command, path):
    """Standard output of a command, its seconds of work, and the GiB that it needed."""
    with path.open("w") as out, subprocess.Popen(command, stdout=out) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return path.read_text(), used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


@pytest.mark.slow
def test_a_table_of_400_records_takes_under_30_seconds_and_2_gib(folders, tmp_path):
    assert len(folders) == 400
    command = [sys.executable, "-m", "bench", "table", "all", "--records", folders[0].parents[2]]
    page, seconds, gib = measured(command, tmp_path / "page.txt")
    print(f"{seconds:.1f} s of work, {gib:.2f} GiB")
    # By two scores: all cells of Table 1, and the last row of Table 3.
    assert page.count("(n=11)") == 2 * (len(METHODS) * len(RATIOS) + 1)
    assert seconds < 30
    assert gib < 2


@pytest.mark.slow
def test_the_intervals_of_a_column_of_12_methods_take_under_a_second(folders):
    """From influences to intervals: the reading of the files is the table's, not theirs."""
    of_place = zip(folders, PLACES, strict=True)
    column = [f for f, (method, ratio, _) in of_place if ratio == "native" and method in METHODS]
    scores = joint_scores([(f,) for f in column], ["kappa"])["kappa"]
    began = time.process_time()
    for first in range(0, len(column), SEEDS):
        places = np.arange(first, first + SEEDS)[:, None]
        assert estimate(scores, places, score).interval() is not None
    seconds = time.process_time() - began
    assert len(column) == 12 * SEEDS
    assert seconds < 1
