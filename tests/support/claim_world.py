"""Records whose runs err as often as one says, and claims about them."""

import datetime
import json

import numpy as np
import pandas as pd
from predictions import predictions_of
from records import record_of_twin

from bench.reporting.claims.files import Claim
from bench.reporting.claims.judge import judge
from bench.store import write_predictions

IMAGES = 400


def claim(**changes):
    """CoMCL beats resnet50 at the native ratio, by kappa."""
    written = {
        "id": "made-up",
        "section": "3",
        "text": "CoMCL is better.",
        "quote": "CoMCL significantly outperforms comparable methods",
        "estimand": "score",
        "contrast": "first - second",
        "side": "greater",
        "margin": 0.02,
        "alpha": 0.05,
        "family": "F1",
        "combination": "all",
        "seeds": 3,
        "written": datetime.date(2026, 11, 23),
        "seen": "nothing",
        "columns": [["native"]],
        "methods": [["comcl", "resnet50"]],
        "scores": {"eyeq": ["kappa"]},
    }
    return Claim.model_validate(written | changes)


def world(root, errors, **changes):
    """Records of runs that miss these shares of the images, by {(method, ratio): share or shares}.

    A share stands for three seeds that hardly differ; a list gives one share a seed.
    """
    rows = []
    for (method, ratio), shares in errors.items():
        each = shares if isinstance(shares, list) else [shares, shares + 0.005, shares + 0.01]
        for seed, share in enumerate(each):
            rows.append(_run(root, method, ratio, seed, share, changes))
    return pd.DataFrame(rows)


def finding(records, *claims):
    """What the first claim comes to on the one data set."""
    (judgement,) = judge(records, claims)
    return judgement.findings[0]


def comparison(records, *claims):
    """Its first comparison."""
    return finding(records, *claims).comparisons[0]


def _run(root, method, ratio, seed, share, changes):
    name = f"{method}-{ratio}-{seed}"
    folder = root / "eyeq-twin" / method / name
    folder.mkdir(parents=True)
    write_predictions(folder / "predictions.parquet", _predictions(name, share))
    dated = {"date": f"2026-11-2{4 + seed}T10:00:00+00:00"}
    (folder / "provenance.json").write_text(json.dumps(dated))
    return record_of_twin(method, ratio, seed) | {"folder": folder} | changes


def _predictions(name, share):
    """One grade too high or too low on a share of the images, others in each run."""
    labels = np.random.default_rng(0).integers(0, 5, IMAGES)
    rng = np.random.default_rng(list(name.encode()))
    missed = rng.permutation(IMAGES)[: round(share * IMAGES)]
    grades = labels.copy()
    grades[missed] = np.where(labels[missed] > 2, labels[missed] - 2, labels[missed] + 2)
    return predictions_of(labels, np.full((IMAGES, 5), 0.1) + 0.5 * np.eye(5)[grades])
