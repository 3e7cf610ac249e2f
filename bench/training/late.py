"""The loss of a step as a number, without waiting for a graphics card that still computes it."""

import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.training.checkpoint import kept_in


class NonFiniteLoss(BenchError):
    """The loss became nan or infinite; the message says in which stage, epoch and step."""


@dataclass
class LossReader:
    """Reads each step's loss, on a graphics card once the next step is on its way.

    Attributes:
        device: Where losses are computed.
        path: The checkpoint, for messages.
        latest: The last loss that was read; nan before the first.
    """

    device: torch.device
    path: Path
    latest: float = math.nan
    _waiting: deque[tuple[Tensor, Any, str]] = field(default_factory=deque)

    def note(self, loss: Tensor, where: str) -> None:
        """Take the loss of the step at `where`, and read all but it; on a processor it too.

        Raises:
            NonFiniteLoss: a loss that is read is nan or infinite; it names that loss's own step.
        """
        late = self.device.type == "cuda"
        copied = loss.detach().to("cpu", non_blocking=late)
        event = torch.cuda.Event() if late else None
        if event is not None:
            event.record()
        self._waiting.append((copied, event, where))
        self._read(leave=int(late))

    def finish(self) -> None:
        """Read what is left.

        Raises:
            NonFiniteLoss: as `note`.
        """
        self._read(leave=0)

    def _read(self, *, leave: int) -> None:
        while len(self._waiting) > leave:
            copied, event, where = self._waiting.popleft()
            if event is not None:
                event.synchronize()
            self.latest = float(copied)
            if not math.isfinite(self.latest):
                raise NonFiniteLoss(
                    f"{where}: the loss is {self.latest}; lower the learning rate or use precision "
                    f"fp32 ({kept_in(self.path)})"
                )
