"""Code that can move a number does not change under an old version without somebody saying so.

The lock maps each version to a digest of its sources without words: comments, docstrings, messages.
Where a test here fails: bump the version in `bench/versions.py` or `bench/roster.py`, or, if the
golden losses show that no number changed, renew the lock with `make renew-golden`.
"""

import ast
import json
import os
import re
from dataclasses import replace

import pytest
from code_versions import (
    EXCLUDED,
    LISTS,
    START,
    Tree,
    current,
    names_of,
    owners,
    room,
    sources,
    without_words,
)
from paths import GOLDEN, ROOT

from bench.roster import METHODS

LOCK = GOLDEN / "code.lock"
TREE = Tree.read(ROOT)
DRAWN = {"degradation", "twin", "chest twin"}


def test_code_and_versions_changed_together():
    if os.environ.get("BENCH_RENEW_GOLDEN"):
        LOCK.write_text(json.dumps(current(TREE), indent=1, sort_keys=True) + "\n")
    locked = json.loads(LOCK.read_text())
    moved = [
        name
        for name, now in current(TREE).items()
        if now != locked.get(name) and now["version"] == locked.get(name, {}).get("version")
    ]
    assert not moved, f"the code of {moved} changed under the same version"
    assert locked == current(TREE), "renew the lock: make renew-golden"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1  # a", "x = 1", True),
        ('def f():\n    """A."""\n    return 1', 'def f():\n    """B."""\n    return 1', True),
        ('N = 1\n"""A."""', 'N = 1\n"""B."""', True),
        ('raise ValueError(f"{x} a")', 'raise ValueError(f"{x} b")', True),
        ('assert x, "a"', 'assert x, "b"', True),
        ('callbacks.say("a")', 'callbacks.say("b")', True),
        ('tick("a", 1, 2)', 'tick("b", 1, 2)', True),
        ('x = setting(1, source="a")', 'x = setting(1, source="b")', True),
        ("x = 1", "x = 2", False),
        ("raise ValueError(x)", "raise KeyError(x)", False),
        ("assert x", "assert y", False),
        ("x = setting(1, ge=0)", "x = setting(1, ge=1)", False),
        ('seed_for("a")', 'seed_for("b")', False),
    ],
)
def test_words_do_not_count_and_code_does(one, other, same):
    assert (without_words(one) == without_words(other)) == same


def test_every_module_of_a_run_has_one_version_or_a_reason():
    owned = owners(TREE)
    listed = [module for modules in owned.values() for module in modules] + list(EXCLUDED)
    assert sorted(listed) == sorted(TREE.reached(START))
    assert set(owned) == {"engine", "method", *DRAWN}
    assert all(len(reason.split()) > 3 for reason in EXCLUDED.values())


def test_every_module_of_methods_counts_for_a_method():
    covered = {m for name, own in sources(TREE).items() if name[:7] == "method " for m in own}
    assert covered == {name for name in TREE.texts if room(name) == "method"}


def test_an_exclusion_that_no_run_imports_any_more_is_noticed():
    assert EXCLUDED.keys() <= TREE.reached(START)
    precision = TREE.texts["bench.training.precision"].replace("from bench import provenance\n", "")
    tree = TREE.changed(bench__training__precision=precision)
    assert EXCLUDED.keys() - tree.reached(START) == {"bench.provenance"}


def test_classes_are_found_by_name_in_the_roster_alone():
    """An import that is no statement would escape the closure; methods are added by the roster."""
    loading = re.compile(r"import_module|__import__|spec_from_file_location|runpy|\bexec\(")
    found = {name for name in TREE.reached(START) if loading.search(TREE.texts[name])}
    assert found == {"bench.roster"}


def moved(tree, methods=METHODS):
    """The versions whose digest differs from that of the sources as they are."""
    before, after = current(TREE), current(tree, methods)
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("importing", ["from bench.data import d_new", "import bench.data.d_new"])
@pytest.mark.parametrize("lines", ["{}", "def f():\n    {}", "def f():\n    if g():\n        {}"])
def test_a_new_file_that_a_run_imports_is_covered(importing, lines):
    run = f"{TREE.texts[START]}\n\n{lines.format(importing)}\n"
    one = TREE.changed(bench__run=run, bench__data__d_new="x = 1")
    other = TREE.changed(bench__run=run, bench__data__d_new="x = 2")
    assert "bench.data.d_new" in owners(one)["engine"]
    assert current(one)["engine"] != current(other)["engine"]


def test_a_new_file_that_no_run_imports_is_not():
    assert not moved(TREE.changed(bench__data__d_new="x = 1"))


EVERY = {f"method {name}" for name in METHODS}
COMCL = {f"method {name}" for name, entry in METHODS.items() if entry.recipe.endswith(":comcl")}

# Module, its code, the same with a fault, and the versions that must say so.
FAULTS = [
    ("bench.pipeline.resolve", "=protocol.degradation.apply_to", '="train"', {"engine"}),
    ("bench.tasks", "labels.max(axis=1) > 0", "labels.max(axis=1) > 1", {"engine"}),
    ("bench.evaluation.registry", "printed(kind)[0]", "printed(kind)[-1]", {"engine"}),
    (
        "bench.pipeline.recipes.supervised",
        "CONTRASTIVE_COST = 4 / 3",
        "CONTRASTIVE_COST = 1",
        {"engine"},
    ),
    ("bench.pipeline.resolve", "seed=request.seed", "seed=0", {"engine"}),
    ("bench.pipeline.identity", "lq_ratio=lq_ratio", 'lq_ratio="native"', {"engine"}),
    ("bench.pipeline.identity", "protocol.chest.mean", "protocol.chest.std", {"engine"}),
    ("bench.pipeline.refusals", "not in method.groups", "in method.groups", {"engine"}),
    ("bench.pipeline.levels", "dataset.quality() > 0", "dataset.quality() > 1", {"engine"}),
    ("bench.run", 'context, "validation")', 'context, "test")', {"engine"}),
    ("bench.data.splits", 'target="validation"', 'target="test"', {"engine"}),
    ("bench.data.duplicates", "ALIKE = 0.22", "ALIKE = 0.02", {"engine"}),
    ("bench.data.lq_ratio", "SPLITS:\n", "SPLITS[:2]:\n", {"engine"}),
    ("bench.evaluation.predict", "softmax(dim=1)", "softmax(dim=0)", {"engine"}),
    (
        "bench.evaluation.whole",
        "(labels == answers).all(",
        "(labels == answers).any(",
        {"engine"},
    ),
    ("bench.training.optim", "POLY_POWER = 0.9", "POLY_POWER = 0.8", {"engine"}),
    ("bench.lesions.idrid", "proportion * len(training)", "proportion * len(images)", {"engine"}),
    ("bench.protocol.chest", 'group["subset"] = ', 'group["sub"] = ', {"engine", "degradation"}),
    ("bench.data.degradations.blur", "rng.uniform(5, 15)", "rng.uniform(5, 25)", {"degradation"}),
    ("bench.data.twin.cohort", "3929 / 8614", "3929 / 8615", {"twin"}),
    ("bench.data.chest_twin.mix", "4.0, 6.0, 1.5", "4.0, 6.0, 2.5", {"chest twin"}),
    ("bench.data.published", "6342", "6343", {"engine", "twin", "chest twin"}),
    ("bench.seeding", ">> 1", ">> 2", {"engine", *DRAWN}),
    ("comcl.loss", "- positive).mean(dim=1)", "- positive).sum(dim=1)", COMCL),
    ("baselines.cabnet", "amax(dim=(3, 4))", "mean(dim=(3, 4))", {"method cabnet"}),
    ("baselines.saliency", ".sum(dim=1).relu()", ".sum(dim=1)", EVERY),
    ("bench.roster", "known = [*METHODS, *ALIASES]", "known = [*METHODS]", {"engine"}),
]


@pytest.mark.parametrize(("module", "code", "fault", "versions"), FAULTS)
def test_a_fault_anywhere_moves_the_digest_of_its_version(module, code, fault, versions):
    assert code in TREE.texts[module]
    changed = {module.replace(".", "__"): TREE.texts[module].replace(code, fault, 1)}
    assert moved(TREE.changed(**changed)) == versions


def test_a_comment_anywhere_moves_nothing():
    texts = {name.replace(".", "__"): f"{text}\n# a\n" for name, text in TREE.texts.items()}
    assert not moved(TREE.changed(**texts))


def test_an_entry_of_the_roster_counts_for_its_method_and_its_title_does_not():
    cabnet = METHODS["cabnet"]
    titled = METHODS | {"cabnet": replace(cabnet, title="another", known="words")}
    wider = METHODS | {"cabnet": replace(cabnet, options={"enlarged": True})}
    assert not moved(TREE, titled)
    assert moved(TREE, wider) == {"method cabnet"}


def test_lists_whose_entries_count_elsewhere_are_there():
    for module, names in LISTS.items():
        there = set().union(*map(names_of, ast.parse(TREE.texts[module]).body))
        assert names <= there
