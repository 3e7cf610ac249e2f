"""What a sweep would take, before it is begun."""

import json
from typing import Any

import pytest
from traced_records import finished_run

from bench import store
from bench.errors import RequestError
from bench.pipeline.resolve import Request
from bench.sweeps import budget
from bench.sweeps.plan import SweepRequest, plan


def silent(*_):
    pass


@pytest.fixture
def planned(small_set, cache, tmp_path, tiny):
    def make(*changes, device="auto", **fields):
        common = Request(
            "",
            "",
            protocol="smoke",
            changes=(*tiny, *changes),
            data=small_set,
            results=tmp_path / "runs",
            cache=cache,
            device=device,
        )
        defaults: dict[str, Any] = {
            "datasets": ("folder",),
            "methods": ("resnet50",),
            "ratios": ("native",),
        }
        return plan(SweepRequest(common, **(defaults | fields)), silent)

    return make


def record(run, seconds, device="cpu", name="a chip"):
    """A result of a run that took so long, 1,000 bytes of weights and what records need."""
    folder = finished_run(run, device=device, device_name=name, seconds=seconds)
    store.write_bytes(folder / "checkpoint.safetensors", bytes(1000))


def test_time_is_the_median_of_records_of_the_same_method_and_protocol(planned):
    made = planned(seeds=5)
    for run, seconds in zip(made.runs, (10.0, 90.0, 20.0), strict=False):
        record(run, seconds)
    (cost,) = budget.costs(made, silent)
    assert (cost.seconds, cost.runs) == (20.0, 2)
    assert cost.source == "3 records (cpu, a chip)"
    assert cost.bytes is not None and 1000 < cost.bytes < 40_000


def test_two_processors_are_both_named(planned):
    made = planned(seeds=3)
    record(made.runs[0], 5.0)
    record(made.runs[1], 1.0, name="another chip")
    assert budget.costs(made, silent)[0].source == "2 records (cpu, a chip; cpu, another chip)"


@pytest.mark.parametrize(("shown", "seconds"), [("", 5.0), ("0", 1.0), ("0,1", 1.0)])
def test_a_card_s_time_says_nothing_of_a_processor_s(planned, monkeypatch, shown, seconds):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    made = planned(seeds=4)
    record(made.runs[0], 5.0)
    record(made.runs[1], 1.0, device="cuda")
    assert budget.costs(made, silent)[0].seconds == seconds
    assert "2 records" not in budget.costs(made, silent)[0].source


def test_where_the_device_is_asked_for_its_kind_is_known(planned, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    made = planned(seeds=4, device="cpu")
    record(made.runs[0], 5.0)
    record(made.runs[1], 1.0, device="cuda")
    assert budget.costs(made, silent)[0].seconds == 5.0


def test_a_record_of_another_protocol_tells_nothing(planned):
    record(planned("finetuning.lr=0.5", seeds=1).runs[0], 1234.0)
    made = planned(seeds=2)
    record(made.runs[0], 10.0)
    assert budget.costs(made, silent)[0].seconds == 10.0


def test_what_is_done_costs_nothing(planned):
    made = planned(seeds=1)
    record(made.runs[0], 10.0)
    assert budget.costs(made, silent) == []


def test_without_records_a_step_is_timed_and_no_run_is_begun(planned, tmp_path):
    made = planned(methods=("resnet50", "comcl"), seeds=2)
    costs = budget.costs(made, silent)
    assert [cost.method for cost in costs] == ["resnet50", "comcl"]
    assert all(cost.seconds is not None and 0 < cost.seconds < 600 for cost in costs)
    assert all("probe" in cost.source and "23 training images" in cost.source for cost in costs)
    # The classifier that both end in: a ResNet of 8 to 16 channels, in float32.
    assert all(cost.bytes is not None and 40_000 < cost.bytes < 400_000 for cost in costs)
    assert not (tmp_path / "runs").exists()


def test_a_probe_of_a_part_is_taken_to_the_length_of_the_whole(planned, monkeypatch):
    import bench.sweeps.probe

    found = bench.sweeps.probe.Probe(seconds=3.0, bytes=10, train_images=6, device="cpu, a chip")
    monkeypatch.setattr(bench.sweeps.probe, "probe", lambda *_: found)
    made = planned(seeds=1)
    (cost,) = budget.costs(made, silent)
    assert cost.seconds == 3.0 * made.runs[0].spec.manifest["images"]["train"] / 6
    assert cost.bytes == 10


def test_a_probe_looks_at_few_images(planned, monkeypatch):
    (run,) = planned(seeds=1).runs
    monkeypatch.setattr(budget, "PROBE_IMAGES", 25)
    assert "data.limit=25" in budget.probe_request(run).changes
    (run,) = planned("data.limit=21", seeds=1).runs
    assert "data.limit=21" in budget.probe_request(run).changes


def test_a_probe_trains_no_detector_and_downloads_nothing(planned):
    (run,) = planned(methods=("comcl",), seeds=1).runs
    detected = vars(run) | {"boxes": "detector"}
    changes = budget.probe_request(type(run)(**detected)).changes
    assert "patches.boxes=random_lesion_crops" in changes
    assert "init.weights=random" in changes
    assert "patches.boxes=random_lesion_crops" not in budget.probe_request(run).changes


def test_a_method_that_cannot_be_probed_is_unknown_with_the_reason(planned, monkeypatch):
    import bench.sweeps.probe

    def refuse(*_):
        raise RequestError("level L is empty")

    monkeypatch.setattr(bench.sweeps.probe, "probe", refuse)
    (cost,) = budget.costs(planned(seeds=1), silent)
    assert (cost.seconds, cost.bytes) == (None, None)
    assert "level L is empty" in cost.source
    assert json.dumps(vars(cost))
