import pandas as pd
import pytest

from bench.protocols import named

RATIO_COSTS = {"native": 0.0, "0.7": 0.04, "1.0": 0.09}


def make_run(method="resnet50", ratio="native", seed=0, **changes):
    """One made-up record; its kappa is 0.8 less what the ratio costs, plus 0.01 a seed."""
    kappa = 0.8 - RATIO_COSTS.get(ratio, 0.0) + 0.01 * seed
    run = {
        "id": f"{method}-{ratio}-{seed}",
        "key": "3f2a91c0",
        "dataset": "eyeq-twin",
        "method": method,
        "lq_ratio": ratio,
        "seed": seed,
        "protocol_name": "laptop",
        "protocol": named("laptop").model_dump(),
        "settings": "common",
        "versions": {"method": 1, "engine": 1, "degradation": 1},
        "study": None,
        "state": "done",
        "partial": False,
        "real": False,
        "boxes": "oracle" if method.startswith("comcl") else "none",
        "assumptions": (),
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
