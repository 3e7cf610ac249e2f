"""What went wrong in other harnesses, each with the tests that keep it from going wrong here.

The traps by number: 1 resuming another run; 2 half a record; 3 one run made twice; 4 code that
moved on; 5 mixed protocols; 6 numbers that are not those of the predictions; 7 spreads of what was
never repeated; 8 images scored twice; 9 degradations that depend on the company; 10 draws that
touch global state; 11 paths in identities; 12 prompts; 13 published values that move; 14 records
that do not say where they come from; 15 seeds counted twice or missing; 16 statistics of one's own.
"""

import ast
import json
import os
from collections import Counter
from dataclasses import replace
from typing import Any

import code_versions
import numpy as np
import pytest
import torch
import typer
from paths import ROOT

from bench import provenance
from bench.commands.options import reported
from bench.data.pixels import Pixels, open_images
from bench.evaluation import predict
from bench.pipeline.resolve import Request, prepare
from bench.protocol.presets import flatten
from bench.protocol.settings import NOT_HASHED, Protocol
from bench.reporting.results.published import FOLDER
from bench.roster import METHODS
from bench.tasks import DIABETIC_RETINOPATHY

HERE = "contracts/test_traps.py"
TRAPS = {
    1: (
        "faults/test_crashes.py::test_a_killed_process_is_resumed_to_the_same_predictions",
        "test_store.py::test_two_runs_that_differ_in_one_field_never_share_a_folder",
        "cli/test_run.py::test_seed_ratio_data_and_settings_each_change_the_id",
    ),
    2: (
        "test_store.py::test_a_changed_or_lost_file_makes_it_no_result",
        "test_store.py::test_a_done_cut_short_makes_it_no_result",
        "faults/test_crashes.py::"
        "test_a_disk_full_at_any_file_leaves_no_result_and_the_next_try_one",
        f"{HERE}::test_trap_02_a_full_disk_ends_a_command_with_1",
    ),
    3: (
        "faults/test_crashes.py::test_two_processes_on_one_run_make_one_result",
        "locking/test_lock.py::test_of_many_takers_exactly_one_holds",
    ),
    4: (
        "contracts/test_versions.py::test_code_and_versions_changed_together",
        "reporting/results/test_records.py::test_a_record_is_stale_as_soon_as_one_version_moved_on",
        f"{HERE}::test_trap_04_a_methods_file_makes_its_own_runs_stale_alone",
        f"{HERE}::test_trap_04_defaults_are_part_of_the_identity",
    ),
    5: (
        "cli/test_run.py::test_runs_of_two_protocols_are_refused",
        "reporting/results/test_comparability.py::test_two_protocols_are_refused_with_the_way_out",
    ),
    6: (
        "golden/test_committed_tables.py::"
        "test_scores_are_those_of_the_stored_predictions_to_the_last_digit",
        "reporting/tables/test_build.py::test_a_record_whose_predictions_say_otherwise_is_refused",
        "reporting/tables/test_render.py::test_csv_holds_every_runs_score_in_full",
        "reporting/tables/test_render.py::test_csv_never_holds_a_mean_or_a_spread",
    ),
    7: (
        "reporting/tables/test_build.py::test_a_cell_is_the_mean_and_half_of_its_interval",
        "reporting/tables/test_build.py::test_one_seed_has_no_spread",
        "evaluation/test_statistics.py::test_one_seed_speaks_of_its_own_networks_only",
    ),
    8: (
        "cli/test_run.py::test_every_image_of_validation_and_test_is_scored_once",
        f"{HERE}::test_trap_08_the_size_of_a_batch_changes_no_prediction",
        f"{HERE}::test_trap_08_one_process_scores_all",
    ),
    9: (
        "data/test_cache.py::test_the_same_image_is_degraded_the_same_way_at_every_ratio",
        "data/test_cache.py::test_only_chosen_images_change_and_each_of_them_does",
        "test_seeding.py::test_a_seed_never_changes",
        f"{HERE}::test_trap_09_an_image_is_degraded_alike_in_any_company",
    ),
    10: (
        "evaluation/test_statistics.py::test_nothing_draws_random_numbers",
        "evaluation/test_ranks.py::test_the_same_seed_gives_the_same_ranks_and_another_seed_others",
    ),
    11: ("cli/test_run.py::test_moving_data_and_results_changes_nothing",),
    12: (f"{HERE}::test_trap_12_nothing_asks_a_question",),
    13: (
        "reporting/results/test_published.py::test_the_published_values_are_those_copied_from_the_paper",
        "reporting/results/test_published.py::test_a_changed_value_is_refused",
        f"{HERE}::test_trap_13_every_published_file_is_locked",
    ),
    14: (f"{HERE}::test_trap_14_a_record_says_where_it_comes_from",),
    15: (
        "reporting/results/test_comparability.py::test_two_finished_runs_of_one_seed_are_refused",
        "reporting/audit/test_audit.py::test_two_seeds_with_the_same_predictions_are_one",
        "reporting/tables/test_build.py::test_missing_seeds_are_named_and_never_averaged_over",
        "reporting/tables/test_build.py::test_an_undefined_score_stays_visible",
    ),
    16: (
        "evaluation/test_statistics.py::test_holm_is_that_of_statsmodels",
        "evaluation/test_power.py::test_power_over_seeds_is_that_of_statsmodels",
        "evaluation/test_influence.py::test_kappa_and_auroc_are_those_of_scikit_learn",
        "evaluation/test_influence.py::"
        "test_the_error_of_a_kappa_difference_is_that_of_a_cluster_bootstrap",
        "evaluation/test_coverage.py::test_intervals_cover_the_truth_as_often_as_they_say",
    ),
}
NAMED = [(number, name) for number, names in TRAPS.items() for name in names]


def test_every_trap_has_its_tests():
    assert list(TRAPS) == list(range(1, 17))
    assert max(Counter(name for _, name in NAMED).values()) == 1


@pytest.mark.parametrize(("number", "name"), NAMED, ids=[f"{n}-{name}" for n, name in NAMED])
def test_a_named_test_is_there(number, name):
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / "tests" / path).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_trap_02_a_full_disk_ends_a_command_with_1():
    with pytest.raises(typer.Exit) as ended, reported():
        raise OSError(28, "No space left on device", "x")
    assert ended.value.exit_code == 1


def test_trap_04_a_methods_file_makes_its_own_runs_stale_alone():
    """Of all files below baselines/ and comcl/: who uses one is whose runs go stale with it."""
    tree = code_versions.Tree.read(ROOT)
    users = {}
    for name, method in METHODS.items():
        for module in code_versions.of_method(tree, method):
            users.setdefault(module.rpartition(".")[2], set()).add(name)
    own = ("mmcnn", "zoom_in_net", "cabnet", "deepmt_dr", "lanet", "lesion_base_cl")
    for name in own:
        assert users[name] == {name.replace("_", "-")}
    assert users["classifier"] > users["contrastive"] > {"moco", "comcl"}


def request(small_set, cache, tmp_path, tiny, method="resnet50"):
    return Request(
        method,
        "folder",
        "0.7",
        protocol="smoke",
        changes=tiny,
        data=small_set,
        results=tmp_path,
        cache=cache,
    )


@pytest.fixture
def prepared(small_set, cache, tmp_path, tiny):
    """A run of the small set that is about to begin."""
    return prepare(request(small_set, cache, tmp_path, tiny), lambda *_: None)


def test_trap_04_defaults_are_part_of_the_identity(prepared):
    """A field that nobody typed stands in the spec with its value: another default, another id."""
    stored = prepared.spec.protocol
    defaults = flatten(Protocol().model_dump())
    shared = {name for name in defaults if name.partition(".")[0] in stored} - {*NOT_HASHED}
    assert len(shared) > 40
    assert shared <= set(flatten({k: v for k, v in stored.items() if isinstance(v, dict)}))
    group = dict(stored["finetuning"])
    group["momentum"] += 0.01
    other = replace(prepared.spec, protocol=stored | {"finetuning": group})
    assert other.id != prepared.spec.id


@pytest.mark.parametrize("size", [1, 7, 64])
def test_trap_08_the_size_of_a_batch_changes_no_prediction(monkeypatch, size):
    rng = np.random.default_rng(0)
    images: Any = rng.integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    pixels = Pixels(images, images[:0], np.full(20, -1))
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
    network = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.LazyLinear(5))

    def predicted(batch):
        monkeypatch.setattr(predict, "BATCH", batch)
        indices = np.arange(20)
        return predict.probabilities(network, pixels, indices, DIABETIC_RETINOPATHY, prepare_images)

    # Sums over 1,568 features of size 1, in another order: 1e3 roundings of 6e-8.
    np.testing.assert_allclose(predicted(size), predicted(20), atol=1e-4)
    assert np.ptp(predicted(size), axis=0).max() > 1e-2


def prepare_images(batch):
    return batch.permute(0, 3, 1, 2).float() / 255


def test_trap_08_one_process_scores_all(prepared):
    """More processes are no option, so no sampler shares images out."""
    assert prepared.spec.world_size == 1
    assert not [f for f in sources() if "DistributedSampler" in f.read_text()]


def sources():
    return [
        path for name in ("bench", "comcl", "baselines") for path in ROOT.glob(f"{name}/**/*.py")
    ]


def degraded_by_name(made, order, folder):
    """Each degraded picture of these images by name, made in this order in an empty cache."""
    part = replace(made.dataset, records=tuple(made.dataset.records[i] for i in order))
    digests, chosen = [made.digests[i] for i in order], made.degraded[order]
    images = open_images(part, digests, chosen, made.protocol, folder=folder, tick=lambda *_: None)
    pictures = images.whole.images(np.arange(len(order)))
    return {part.records[n].image_id: pictures[n] for n in np.flatnonzero(chosen)}


def test_trap_09_an_image_is_degraded_alike_in_any_company(prepared, tmp_path, monkeypatch):
    every = np.arange(len(prepared.dataset.records))
    reference = degraded_by_name(prepared, every, tmp_path / "a")
    alone = np.flatnonzero(prepared.degraded)[:1]
    found = [
        degraded_by_name(prepared, every[::-1], tmp_path / "b"),
        degraded_by_name(prepared, alone, tmp_path / "c"),
    ]
    for workers in (1, 16):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=workers: set(range(n)))
        found.append(degraded_by_name(prepared, every, tmp_path / f"w{workers}"))
    assert [len(each) for each in found] == [len(reference), 1, len(reference), len(reference)]
    for each in found:
        for name, picture in each.items():
            np.testing.assert_array_equal(picture, reference[name])
    assert len({picture.tobytes() for picture in reference.values()}) == len(reference)


def test_trap_12_nothing_asks_a_question():
    asking = {"input", "prompt", "confirm", "getpass"}
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                found += [f"{path.name}: {name}"] if name in asking else []
    assert found == []


def test_trap_13_every_published_file_is_locked():
    locked = [line.split("  ")[1] for line in (FOLDER / "SHA256SUMS").read_text().splitlines()]
    assert sorted(locked) == sorted(path.name for path in FOLDER.glob("*.csv"))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_trap_14_a_record_says_where_it_comes_from(device):
    origin = provenance.origin(device=device, device_name="x", seconds=1.0)
    libraries = ("torch", "torchvision", "timm", "numpy", "pillow", "opencv-python-headless")
    assert set(libraries) <= set(origin["packages"])
    assert all(origin["packages"].values())
    assert set(origin["codecs"]) >= {"jpg", "libjpeg_turbo"}
    assert origin["device"] == device
    assert origin["device_name"] == "x"
    assert ("gpu" in origin) == (device == "cuda")
    if device == "cuda":
        assert set(origin["gpu"]) == {"driver", "cudnn"}
        assert all(origin["gpu"].values())
    assert json.loads(json.dumps(origin)) == origin
