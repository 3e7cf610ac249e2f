"""The losses of every method's epochs on a small drawn set: did an answer change unasked?

Renew with BENCH_RENEW_GOLDEN=1 and read the difference.
"""

import json
import os
from pathlib import Path

import pytest

from bench import store
from bench.pipeline.resolve import Request
from bench.roster import METHODS
from bench.run import execute
from bench.training.callbacks import Callbacks

GOLDEN = Path(__file__).with_name("losses.json")
SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)


@pytest.mark.parametrize("name", list(METHODS))
def test_losses_are_those_of_last_time(name, small_set, cache, tiny, tmp_path, masked, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(masked))
    request = Request(
        name,
        "folder",
        "0.7",
        protocol="smoke",
        changes=tiny,
        data=small_set,
        results=tmp_path,
        cache=cache,
    )
    record = execute(request, SILENT)
    events = store.EventLog(record["folder"] / "events.jsonl").read()
    losses = [event["train"]["loss"] for event in events if "epoch" in event]
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {}
    if os.environ.get("BENCH_RENEW_GOLDEN"):
        golden[name] = losses
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    assert len(losses) == len(golden[name])
    # Another processor may round differently, and every epoch amplifies it: 0.028 was seen in the
    # third one of deepmt-dr.
    for epoch, (loss, expected) in enumerate(zip(losses, golden[name], strict=True), start=1):
        assert loss == pytest.approx(expected, rel=0.02 * epoch), f"epoch {epoch}"


def test_methods_differ():
    golden = json.loads(GOLDEN.read_text())
    assert set(golden) == set(METHODS)
    assert len({tuple(losses) for losses in golden.values()}) == len(golden)
