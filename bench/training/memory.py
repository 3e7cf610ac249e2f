"""Out of memory, on a graphics card or a processor: one line, with a setting that needs less."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.errors import BenchError
from bench.protocol.settings import FinetuningSettings, PretrainingSettings

SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
"""What the allocators say that have no class of exception of their own."""


class OutOfMemory(BenchError):
    """There was not enough memory; the message names the setting that needs less."""


@contextmanager
def explaining(what: str, way_out: str) -> Iterator[None]:
    """Turn an allocator's failure inside the block into one line.

    Args:
        what: Was being done, for the message.
        way_out: What to change.

    Raises:
        OutOfMemory: the block ran out of memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        first = (str(error).splitlines() or [""])[0]
        raise OutOfMemory(f"{what}: not enough memory ({first[:160]}); {way_out}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def smaller(settings: FinetuningSettings | PretrainingSettings) -> str:
    """The flag that halves what a training step holds at once.

    Fine-tuning may compute a batch in parts, which have batch statistics of their own; a
    contrastive batch must be whole, since its images are each other's negatives.
    """
    if isinstance(settings, FinetuningSettings) and settings.accumulation < settings.batch:
        doubled = min(2 * settings.accumulation, settings.batch)
        return (
            f"--set finetuning.accumulation={doubled} computes a batch of {settings.batch} in parts"
        )
    group = "finetuning" if isinstance(settings, FinetuningSettings) else "pretraining"
    return f"--set {group}.batch={max(settings.batch // 2, 1)} holds fewer images at once"
