"""The committed first study, and beside it a method whose name is a script."""

import json
import shutil
from pathlib import Path

import pandas as pd
from paths import FIRST
from traced_records import sign, traced_run

from bench.store import Spec, finish, folder_of, write_json, write_predictions

HOSTILE = "<script>alert(1)<script>.py:Net"  # no file's name holds a slash


def hostile_study(root: Path) -> Path:
    """A copy of the first study with one more method, whose name would run if it were not text."""
    shutil.copytree(FIRST, root)
    source = next(iter(sorted((root / "eyeq-twin" / "resnet50").iterdir())))
    saved, origin = (json.loads((source / n).read_text()) for n in ("spec.json", "provenance.json"))
    saved["spec"] |= {"method": HOSTILE, "method_digest": "0" * 64}
    spec = Spec(**saved["spec"])
    command = saved["about"]["command"].replace("--method resnet50", f"--method {HOSTILE}")
    command += " --set data.limit=<script>alert(2)</script>"
    folder = folder_of(root, spec)
    shutil.copytree(source, folder)
    saved["id"], saved["about"]["command"] = spec.id, command
    write_json(folder / "spec.json", saved)
    write_json(folder / "provenance.json", origin | {"command": command})
    finish(folder)
    return root


SCORES = {
    ("resnet50", "native"): (0.802, 0.804, 0.806),
    ("resnet50", "0.7"): (0.742, 0.744, 0.746),
    ("resnet50", "1.0"): (0.67,),
    ("inception-v3", "native"): (0.6, 0.602, 0.604),
    ("lanet", "native"): (0.75, 0.85, 0.9),
    ("comcl", "native"): (0.88, 0.884, 0.886),
    ("comcl", "0.7"): (0.7, 0.702, 0.704),
    ("comcl", "1.0"): (0.76, 0.762, 0.764),
}
"""Kappas by seed, so that the published numbers of the paper meet with every verdict."""

TIMES = 20  # the test split, so that patients vary a score by less than what is too small to matter


def published_study(root: Path) -> Path:
    """Runs of the whole real set, whose published numbers the paper has."""
    for (method, ratio), scores in SCORES.items():
        for seed, kappa in enumerate(scores):
            _enlarge(traced_run(root, method, ratio, seed, kappa=kappa))
    return root


def _enlarge(folder: Path) -> None:
    """The same answers on TIMES as many images of other patients."""
    file = folder / "predictions.parquet"
    whole = pd.read_parquet(file)
    test = whole.loc[whole["split"] == "test"]
    names = ("image_id", "patient_id")
    more = [
        test.assign(**{name: f"{time}-" + test[name] for name in names}) for time in range(TIMES)
    ]
    rest = whole.loc[whole["split"] != "test"]
    write_predictions(file, pd.concat([rest, *more], ignore_index=True))
    sign(folder)
