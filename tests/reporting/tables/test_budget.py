"""What a table of 400 records of EyeQ's size costs, in seconds of work: others may be at it too.

All 400 with BENCH_LONG, else 112: they may take their share of the memory, but half of the
seconds, since a cell's intervals cost as much for three seeds as for eleven.
"""

import os
import time
from itertools import product

import numpy as np
import pandas as pd
import pytest
from graded import patients_of
from own_process import cost_of
from traced_records import CLASSES, traced_run

from bench import store
from bench.evaluation.joint import joint_scores
from bench.evaluation.metrics import score_all
from bench.evaluation.statistics import estimate, score
from bench.experiments import RATIOS, TABLE1

IMAGES, SEEDS = 16_249, 11 if "BENCH_LONG" in os.environ else 3
GRADES = (11_362, 1_398, 2_644, 448, 397)
METHODS = [row.method for row in TABLE1.rows]
EXTRA = [("comcl-v1", "native", seed) for seed in range(4)]
PLACES = [*product(METHODS, RATIOS, range(SEEDS)), *EXTRA]
MOST_SECONDS = 30 if "BENCH_LONG" in os.environ else 15
MOST_MIB = 2048 * len(PLACES) / 400


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
    """Runs of all rows and columns of Table 1, some seeds each, and four of another method."""
    root, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(5), GRADES))
    labels = np.concatenate([labels, labels[:1000]])
    patients = patients_of(rng, len(labels))
    patients[IMAGES:] += 1
    # Fewer answers than runs and more than a cell has seeds: no cell repeats one.
    made = [answers(root, rng, labels, patients) for _ in range(3 * SEEDS + 4)]
    return [make_run(root, place, *made[n % len(made)]) for n, place in enumerate(PLACES)]


def test_the_peak_of_a_command_is_its_own_and_not_its_parents(tmp_path):
    held = np.ones(2**25)
    assert cost_of(["--version"], tmp_path).peak_mib < held.nbytes / 2**21  # about 31 MiB


@pytest.mark.slow
def test_a_table_keeps_within_its_seconds_and_its_memory(folders, tmp_path):
    cost = cost_of(["table", "all", "--records", str(folders[0].parents[2])], tmp_path)
    print(f"{len(folders)} records: {cost.seconds:.1f} s of work, {cost.peak_mib:.0f} MiB")
    assert cost.code == 0
    # By two scores: all cells of Table 1, and the last row of Table 3.
    assert cost.out.count(f"(n={SEEDS})") == 2 * (len(METHODS) * len(RATIOS) + 1)
    assert cost.seconds < MOST_SECONDS
    assert cost.peak_mib < MOST_MIB


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
