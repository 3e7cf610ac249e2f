from functools import partial

import pandas as pd
import pytest
from scored import scored_run

from bench.protocol.presets import named

RATIO_COSTS = {"native": 0.0, "0.7": 0.04, "1.0": 0.09}
GAINS = {"resnet50-long": 0.004, "comcl": 0.04, "comcl-v1": -0.1}


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    """Where predictions of made-up runs lie."""
    return tmp_path_factory.mktemp("answers")


@pytest.fixture
def run(answers):
    """Makes one record: run("comcl", "0.7", 2, state="stale").

    Where no `kappa` is asked for, it is 0.8 and the method's gain, less what the ratio costs, and
    0.01 more a seed.
    """

    def make(method="resnet50", ratio="native", seed=0, **changes):
        usual = 0.8 + GAINS.get(method, 0.0) - RATIO_COSTS.get(ratio, 0.0) + 0.01 * seed
        kappa = changes.pop("kappa", usual)
        return scored_run(answers, method, ratio, seed, kappa=kappa, **changes)

    return make


@pytest.fixture
def study(run):
    """Two methods and the control, three seeds, two ratios; an ablation and a user's method."""
    methods = ("resnet50", "resnet50-long", "comcl", "comcl-v1")
    runs = [
        run(method, ratio, seed)
        for method in methods
        for ratio in ("native", "0.7")
        for seed in range(3)
    ]
    mine = run("mine.py:My_Net", "native", 0, assumptions=("quality: all good",))
    return pd.DataFrame([*runs, mine, run("resnet50", "1.0", 0)])


@pytest.fixture
def real_run(run):
    """Makes a record on the real EyeQ under PAPER."""
    changes = {
        "dataset": "eyeq",
        "real": True,
        "key": "aaaa1111",
        "protocol_name": "paper",
        "protocol": named("paper").model_dump(),
        "n_test": 16249,
        "boxes": "none",
    }
    return partial(run, **changes)


@pytest.fixture
def real(real_run):
    """Two runs on the real EyeQ under PAPER."""
    return pd.DataFrame([real_run("resnet50"), real_run("comcl", "0.7", boxes="oracle")])
