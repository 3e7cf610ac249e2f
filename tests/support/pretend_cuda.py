"""A CUDA device where there is none: tensors that claim it, compute on the CPU and are counted.

What PyTorch refuses there is refused here (tensors of two devices in one operation), and what makes
the processor wait for the card is counted: each copy between the two, and each operation whose
result has a size or a value that Python must know. The claim is made in Python alone, so autograd
and the kernels are the processor's.
"""

# A tensor of another kind overrides what torch's stubs have as plain attributes.
# pyright: reportIncompatibleVariableOverride=false, reportIncompatibleMethodOverride=false
# pyright: reportAssignmentType=false, reportPrivateUsage=false

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.utils import _python_dispatch as dispatching
from torch.utils._pytree import tree_leaves, tree_map

from baselines import resampling
from bench.training import augment

CUDA = torch.device("cuda", 0)
COUNTED: Counter[str] = Counter()
"""What happened since it was cleared: "copy in", "copy out", "copy in, not awaited", and waits."""

PEAK_BYTES = 1234
"""What the card says that it held at most."""

WAITS = (
    *("_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select"),
    *("_unique2", "unique_dim", "unique_consecutive", "bincount"),
)
"""Operations after which the processor waits for the card."""


KEPT = (augment.constant, resampling._weights)
"""What the code copies to a device once: here to one that is gone after the test."""


class MixedDevices(RuntimeError):
    """An operation on tensors of the card and of the processor, as PyTorch refuses it."""


class OnCard(torch.Tensor):
    """A tensor that says it is on the card; `held` is the same on the processor."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore
    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "OnCard":
        return torch.Tensor._make_wrapper_subclass(  # pyright: ignore
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=held.device,
        )

    def __init__(self, held: torch.Tensor) -> None:
        self.held = held

    def __repr__(self) -> str:  # pyright: ignore
        return f"OnCard({self.held})"

    @property
    def device(self) -> torch.device:
        return CUDA

    @property
    def is_cuda(self) -> bool:
        return True

    @property
    def is_cpu(self) -> bool:
        return False

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        copy = kwargs.pop("copy", False)
        if args and isinstance(args[0], torch.Tensor):  # as another tensor is
            args = (args[0].device, args[0].dtype, *args[1:])
        device, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)  # pyright: ignore
        device, dtype = device or CUDA, dtype or self.dtype
        if not copy and device.type == "cuda" and dtype == self.dtype and layout is None:
            return self
        return torch.ops.aten._to_copy.default(
            self, dtype=dtype, device=device, non_blocking=non_blocking, memory_format=layout
        )

    def type_as(self, other: torch.Tensor) -> torch.Tensor:
        return self.to(other)

    def cpu(self, *_: Any) -> torch.Tensor:
        return self.to("cpu")

    def cuda(self, *_: Any, **__: Any) -> torch.Tensor:
        return self

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype).to(CUDA)

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("a tensor of the card has no NumPy array: copy it to the processor first")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Counting(dispatching.TorchDispatchMode):
    """Sees what is made on the card out of nothing or out of the processor's tensors."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def card() -> Iterator[torch.device]:
    """A device to train on, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)
        patch.setattr(torch.Tensor, "to", _to)
        patch.setattr(torch.Tensor, "pin_memory", _pin_memory)
        patch.setattr(torch.Tensor, "is_pinned", lambda tensor: hasattr(tensor, "pinned"))
        patch.setattr(torch.cuda, "Event", _Event)
        patch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
        patch.setattr(torch.cuda, "max_memory_allocated", lambda _: PEAK_BYTES)
        patch.setattr(torch, "tensor", _tensor)
        patch.setattr(torch, "as_tensor", _as_tensor)
        patch.setattr(functional, "one_hot", _one_hot)
        overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        COUNTED.clear()
        for kept in KEPT:
            kept.cache_clear()
        try:
            with _Counting():
                yield CUDA
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
            for kept in KEPT:
                kept.cache_clear()


# What PyTorch does in C++ by the device that it knows of, which is the processor here.
_to_of_torch, _tensor_of_torch = torch.Tensor.to, torch.tensor
_as_tensor_of_torch, _one_hot_of_torch = torch.as_tensor, functional.one_hot


def _to(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Of a tensor of the processor, which is to be as one of the card is."""
    if args and isinstance(args[0], OnCard):
        return _to_of_torch(tensor, CUDA, args[0].dtype, *args[1:], **kwargs)
    return _to_of_torch(tensor, *args, **kwargs)


class _Event:
    """Of a stream; what is asked for is there already."""

    def record(self) -> None:
        pass

    def synchronize(self) -> None:
        pass


def _pin_memory(tensor: torch.Tensor) -> torch.Tensor:
    pinned = tensor.clone()
    pinned.pinned = True  # pyright: ignore
    return pinned


def _tensor(data: Any, *, device: Any = None, **kwargs: Any) -> torch.Tensor:
    """Made on the processor, then copied, as PyTorch does."""
    made = _tensor_of_torch(data, **kwargs)
    return made if device is None else made.to(device)


def _as_tensor(data: Any, *, device: Any = None, **kwargs: Any) -> torch.Tensor:
    """The same, without a copy where it is there already."""
    made = _as_tensor_of_torch(data, **kwargs)
    return made if device is None else made.to(device)


def _one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    if isinstance(labels, OnCard):
        return OnCard(_one_hot_of_torch(labels.held, classes))
    return _one_hot_of_torch(labels, classes)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The operation on the held tensors; its results are of the card if any argument is."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    ours = [isinstance(tensor, OnCard) for tensor in tensors]
    name, asked = func._schema.name.partition("::")[2], kwargs.get("device")
    if name in ("_to_copy", "copy_"):
        # A copy goes where it is asked to, or into its first argument.
        into, source = ours[0] if asked is None else torch.device(asked).type == "cuda", tensors[-1]
        waits = not _non_blocking(name, args, kwargs) or not (ours[-1] or hasattr(source, "pinned"))
        _count_copy(into=into, out_of=ours[-1], awaited=waits)
    else:
        into = any(ours) or (asked is not None and torch.device(asked).type == "cuda")
        _refuse_mixed(name, tensors, ours)
        if any(ours) and (name in WAITS or _picks_by_truth(name, args)):
            COUNTED[name] += 1
    here = {key: torch.device("cpu") if key == "device" and v else v for key, v in kwargs.items()}
    held_args, held_kwargs = tree_map(_held, (args, here))
    with dispatching._disable_current_modes():
        made = func(*held_args, **held_kwargs)
    if not into:
        return made
    with torch.inference_mode(_is_inference(func, tensors)):
        claimed = tree_map(lambda leaf: OnCard(leaf) if torch.is_tensor(leaf) else leaf, made)
    return dispatching.return_and_correct_aliasing(func, args, kwargs, claimed)


def _is_inference(func: Any, tensors: list[torch.Tensor]) -> bool:
    """A view is what its tensor is; all else is what the block makes."""
    aliases = [result.alias_info for result in func._schema.returns]
    if any(alias is not None and not alias.is_write for alias in aliases):
        return tensors[0].is_inference()
    return torch.is_inference_mode_enabled()


def _held(leaf: Any) -> Any:
    return leaf.held if isinstance(leaf, OnCard) else leaf


def _non_blocking(name: str, args: Any, kwargs: dict[str, Any]) -> bool:
    place = 2 if name == "copy_" else len(args)
    return bool(kwargs.get("non_blocking") or (len(args) > place and args[place]))


def _count_copy(*, into: bool, out_of: bool, awaited: bool) -> None:
    if into != out_of:
        COUNTED[("copy in" if into else "copy out") + ("" if awaited else ", not awaited")] += 1


def _picks_by_truth(name: str, args: Any) -> bool:
    """An index of truth values, whose number of hits the processor waits for."""
    wanted = tree_leaves(args[1:]) if name == "index" else ()
    return any(isinstance(t, torch.Tensor) and t.dtype in (torch.bool, torch.uint8) for t in wanted)


def _refuse_mixed(name: str, tensors: list[torch.Tensor], ours: list[bool]) -> None:
    """A number of the processor may meet tensors of the card, a tensor of it may not."""
    pairs = zip(tensors, ours, strict=True)
    if any(ours) and any(tensor.ndim and not mine for tensor, mine in pairs):
        raise MixedDevices(f"{name}: expected all tensors to be on the same device")
