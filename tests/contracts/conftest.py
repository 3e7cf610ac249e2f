import pytest
import torch

from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.training.callbacks import Callbacks


@pytest.fixture
def context_of(small_set, cache, tiny, tmp_path, masked, monkeypatch):
    """What a method is built from, on the small set at a ratio of 0.7."""
    monkeypatch.setenv("BENCH_DATA", str(masked))

    def make(method, *, ratio="0.7", changes=(), seed=0):
        request = Request(
            method,
            "folder",
            ratio,
            seed,
            protocol="smoke",
            changes=(*tiny, *changes),
            data=small_set,
            results=tmp_path,
            cache=cache,
        )
        prepared = prepare(request, lambda *_: None)
        return run_context(prepared, torch.device("cpu"), Callbacks(lambda *_: None))

    return make
