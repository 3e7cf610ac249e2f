"""Where and how a stage computes: device, number format, loss scaling, memory layout."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import nn

from bench import provenance
from bench.errors import RequestError

Precision = Literal["fp32", "bf16", "fp16"]
TensorOrModule = TypeVar("TensorOrModule", torch.Tensor, nn.Module)
AUTOCAST_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """The device that `--device` names: auto (CUDA if there is one), cpu or cuda.

    Raises:
        RequestError: cuda without a CUDA device, or another name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise RequestError(f"--device {name}: choose one of: auto, cpu, cuda")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise RequestError("--device cuda: torch sees no CUDA device here; use --device cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def check_precision(precision: str, device: torch.device) -> None:
    """Nothing, if the device can train in this precision.

    Raises:
        RequestError: an unknown precision, or fp16 where no loss scaling exists.
    """
    if precision not in get_args(Precision):
        raise RequestError(
            f"precision {precision}: choose one of: {', '.join(get_args(Precision))}"
        )
    if precision == "fp16" and device.type != "cuda":
        raise RequestError(
            f"precision fp16 on {device.type}: needs CUDA, where the loss can be scaled; "
            "use precision bf16 or fp32, or --device cuda"
        )


def device_name(device: torch.device) -> str:
    """The model of the graphics card or the processor."""
    return torch.cuda.get_device_name() if device.type == "cuda" else provenance.cpu_name()


def origin(device: torch.device, seconds: float) -> dict[str, Any]:
    """Where, when and with what something was trained in `seconds`; see `bench.provenance`."""
    name = device_name(device)
    return provenance.origin(device=device.type, device_name=name, seconds=seconds)


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """The context of a forward pass: parameters stay float32, matrix products run in `precision`.

    Raises:
        RequestError: as `check_precision`.
    """
    check_precision(precision, device)
    dtype = AUTOCAST_TYPES.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def loss_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Scales the loss so that fp16 gradients do not vanish; a no-op in other precisions."""
    check_precision(precision, device)
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


@contextmanager
def tf32_for_predictions(precision: Precision, device: torch.device) -> Iterator[None]:
    """On a graphics card, float32 products rounded no finer than a training in `precision`.

    TF32 keeps 10 bits of each factor, as fp16 does, and bf16 7; fp32 and processors lose nothing.
    """
    if device.type != "cuda" or precision == "fp32":
        yield
        return
    _allow_tf32(True)
    try:
        yield
    finally:
        _allow_tf32(False)


def channels_last(value: TensorOrModule) -> TensorOrModule:
    """The same images (B, C, H, W) or network with channels innermost in memory; values as before.

    Source: docs/reference/training.md#channels-last, 1.02 to 1.22 times as fast under bf16 on a
    CPU.
    """
    layout: Any = torch.channels_last  # torch's stub of Module.to knows it by position only
    return value.to(memory_format=layout)


def set_numerics(*, threads: int | None = None) -> None:
    """Make this process's arithmetic repeatable on one machine; call it before the first tensor.

    Args:
        threads: CPU threads of one operation, part of a run's identity, since sums are split by
            thread; None leaves torch's choice.

    On CUDA, operations without a repeatable form still run, and torch warns of each by name.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    _allow_tf32(False)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats only so
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Meant for debugging; it costs a pass over all memory that is asked for.
        torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore


def _allow_tf32(allowed: bool) -> None:
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
