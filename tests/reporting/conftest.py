import pandas as pd
import pytest
from records import record_of_twin

from bench.protocols import named

RATIO_COSTS = {"native": 0.0, "0.7": 0.04, "1.0": 0.09}


def make_run(method="resnet50", ratio="native", seed=0, **changes):
    """One made-up record; its kappa is 0.8 less what the ratio costs, plus 0.01 a seed."""
    kappa = 0.8 - RATIO_COSTS.get(ratio, 0.0) + 0.01 * seed
    run = record_of_twin(method, ratio, seed) | {
        "boxes": "oracle" if method.startswith("comcl") else "none",
        "share_train": 0.3345,
        "share_validation": 0.336,
        "share_test": 0.4787,
        "n_test": 1625,
        "majority": 0.6992,
        "kappa": kappa,
        "accuracy": kappa - 0.02,
    }
    return run | changes


@pytest.fixture
def run():
    """Makes one record: run("comcl", "0.7", 2, state="stale")."""
    return make_run


@pytest.fixture
def study():
    """Two methods and the control, three seeds, two ratios; an ablation and a user's method."""
    methods = ("resnet50", "resnet50-long", "comcl", "comcl-v1")
    runs = [
        make_run(method, ratio, seed)
        for method in methods
        for ratio in ("native", "0.7")
        for seed in range(3)
    ]
    mine = make_run("mine.py:My_Net", "native", 0, assumptions=("quality: all good",))
    return pd.DataFrame([*runs, mine, make_run("resnet50", "1.0", 0)])


@pytest.fixture
def real():
    """Two runs on the real EyeQ under PAPER."""
    changes = {
        "dataset": "eyeq",
        "real": True,
        "key": "aaaa1111",
        "protocol_name": "paper",
        "protocol": named("paper").model_dump(),
        "n_test": 16249,
    }
    return pd.DataFrame([make_run("resnet50", **changes), make_run("comcl", "0.7", **changes)])
