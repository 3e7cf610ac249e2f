"""For `make gpu-check`: a graphics card, or in a rehearsal the processor in its place."""

import os
from dataclasses import replace

import pytest
import torch

from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.training.callbacks import Callbacks

REHEARSAL = "BENCH_REHEARSAL"
"""Set by the check where there is no card."""


@pytest.fixture(scope="session")
def device():
    """Where what is checked computes."""
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if REHEARSAL not in os.environ:
        pytest.skip("torch sees no CUDA device")
    return torch.device("cpu")


@pytest.fixture
def context_on(small_set, cache, tiny, tmp_path, masked, monkeypatch):
    """What a method is built from on the processor's images, for a stage on some device."""
    monkeypatch.setenv("BENCH_DATA", str(masked))

    def make(method, device):
        common = {"protocol": "smoke", "changes": tiny, "data": small_set, "cache": cache}
        request = Request(method, "folder", "0.7", 0, results=tmp_path, **common)
        prepared = prepare(request, lambda *_: None)
        here = run_context(prepared, torch.device("cpu"), Callbacks(lambda *_: None))
        return replace(here, device=device)

    return make
