"""Code that can move a number does not change under an old version without somebody saying so.

The lock maps each version to a digest of its sources without comments and docstrings. Where a test
here fails: bump the version in `bench/versions.py` or `bench/roster.py`, or, if the golden losses
show that no number changed, renew the lock with BENCH_RENEW_GOLDEN=1.
"""

import ast
import hashlib
import json
import os

import pytest
from paths import ROOT

from bench.roster import METHODS
from bench.versions import CHEST_TWIN, DEGRADATION, ENGINE, TWIN

LOCK = ROOT / "tests" / "golden" / "code.lock"
SHARED = ["baselines/options.py", "baselines/backbones.py", "baselines/classifier.py"]
SOURCES = {
    "degradation": ["bench/data/degradations/*.py", "bench/data/field_of_view.py"],
    "twin": ["bench/data/twin/*.py"],
    "chest twin": ["bench/data/chest_twin/*.py"],
    "engine": [
        "bench/seeding.py",
        "bench/pipeline/build.py",
        "bench/pipeline/levels.py",
        "bench/pipeline/context.py",
        "bench/data/[!_d]*.py",
        "bench/data/decode.py",
        "bench/pipeline/recipes/*.py",
        "bench/lesions/boxes.py",
        "bench/lesions/train.py",
        "bench/lesions/predictions.py",
        "bench/lesions/box_source.py",
        "bench/training/*.py",
        "bench/evaluation/*.py",
    ],
}
CONTRASTIVE = [*SHARED, "baselines/contrastive.py"]


def sources_of(method):
    """The files that a method's numbers come from: its own, and what it builds on."""
    own = f"{method.component.partition(':')[0].replace('.', '/')}*.py"
    recipe = method.recipe.rpartition(":")[2]
    if recipe == "comcl":
        return [*CONTRASTIVE, "comcl/*.py"]
    contrasts = recipe in ("moco", "on_lesion_patches", "lesion_aware")
    return [*(CONTRASTIVE if contrasts else SHARED), own]


def without_words(source):
    """A module's code as text, without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0] = ast.Pass()
    return ast.unparse(tree)


def digest(patterns):
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    text = "".join(f"{p.name}\n{without_words(p.read_text())}\n" for p in paths)
    return hashlib.sha256(text.encode()).hexdigest()


def current():
    versions = {
        "engine": ENGINE,
        "degradation": DEGRADATION,
        "twin": TWIN,
        "chest twin": CHEST_TWIN,
    }
    lock = {
        name: {"version": version, "digest": digest(SOURCES[name])}
        for name, version in versions.items()
    }
    for name, method in METHODS.items():
        patterns = sources_of(method)
        lock[f"method {name}"] = {"version": method.version, "digest": digest(patterns)}
    return lock


def test_code_and_versions_changed_together():
    if os.environ.get("BENCH_RENEW_GOLDEN"):
        LOCK.write_text(json.dumps(current(), indent=1, sort_keys=True) + "\n")
    locked = json.loads(LOCK.read_text())
    moved = [
        name
        for name, now in current().items()
        if now != locked.get(name) and now["version"] == locked.get(name, {}).get("version")
    ]
    assert not moved, f"the code of {moved} changed under the same version"
    assert locked == current(), "renew the lock: BENCH_RENEW_GOLDEN=1"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1  # a", "x = 1", True),
        ('def f():\n    """A."""\n    return 1', 'def f():\n    """B."""\n    return 1', True),
        ("x = 1", "x = 2", False),
    ],
)
def test_words_do_not_count_and_code_does(one, other, same):
    assert (without_words(one) == without_words(other)) == same
