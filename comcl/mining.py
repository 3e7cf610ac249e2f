"""Eq. 2 and 3 of CoMCL: how many negatives count, which, and which anchors are learned from.

Paper: Hou et al., MICCAI 2024, section 2.2; self-paced learning after Kumar et al., NIPS 2010.
Authors' code (IntelliDAL/Image at 3913b63): has neither equation.
Ours differs: K_t stays at K_min or above (D10), and the self-paced rule is a quantile by default,
since the printed rule, loss < 1 / K_t, selects nothing until everything is learned (D13).
Letters: N anchors, K negatives (the paper's delta), t of T optimizer steps (D11).
Every open question is a dict from the option's name to its function.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from baselines.options import pick

# When mining starts ----------------------------------------------------------------------------


class Clock(NamedTuple):
    """Where mining stands: t of T optimizer steps."""

    step: int
    total_steps: int

    @property
    def progress(self) -> float:
        """The share t / T that is done, in [0, 1]."""
        return self.step / self.total_steps


def clock(step: int, total_steps: int, starts: float = 0.0) -> Clock | None:
    """Where mining stands, None before it starts: then all negatives and all anchors count (D62).

    Args:
        step: of the whole training, in 0..total_steps.
        starts: after which share of the training, in [0, 1); t counts from there.
    """
    first = round(starts * total_steps)
    return Clock(step - first, total_steps - first) if step >= first else None


# Eq. 2, how many: K_t ---------------------------------------------------------------------------


def falling(progress: float) -> float:
    """The printed factor: from all negatives to the hardest alone."""
    return math.cos(math.pi * progress / 2)


def rising(progress: float) -> float:
    """The same backwards: false negatives are the hardest ones, so they come last."""
    return falling(1 - progress)


def constant(progress: float) -> float:
    """The mean of the printed factor over a training, so that only the schedule is taken away."""
    return 2 / math.pi


DIRECTIONS = {"fall": falling, "rise": rising, "constant": constant}  # D12


def hard_negative_count(
    negatives: int, step: int, total_steps: int, *, direction: str = "fall"
) -> int:
    """K_t = floor(delta cos(pi t / 2T)) of Eq. 2.

    Args:
        negatives: delta, how many there are.
        step: t in 0..T.
        total_steps: T, at least 1.
        direction: a key of `DIRECTIONS`.

    Raises:
        ValueError: a step outside the training, or an unknown direction.
    """
    if not 0 <= step <= total_steps or total_steps < 1:
        raise ValueError(f"step ({step}) must be in 0..total_steps ({total_steps})")
    factor = pick(DIRECTIONS, direction, "direction")(step / total_steps)
    return math.floor(negatives * factor)


def all_negatives(negatives: int, step: int, total_steps: int, *, direction: str = "fall") -> int:
    """No mining: delta at every step."""
    return negatives


TOPK = {"cosine": hard_negative_count, "off": all_negatives}


def floored(count: int, negatives: int, k_min: int) -> int:
    """At least K_min, as far as there are that many."""
    return min(negatives, max(count, k_min))


def as_printed(count: int, negatives: int, k_min: int) -> int:
    """K_t itself: at the end no negative is left, and no loss."""
    return count


K_RULES = {"floor": floored, "literal": as_printed}  # D10

# Eq. 2, which -----------------------------------------------------------------------------------


def hardest_by_row(similarities: Tensor, count: int) -> Tensor:
    """For each anchor its `count` most similar negatives; of equal ones the earlier slot.

    Exactly `count` an anchor; "at least as similar as the K_t-th" would let all ties in.

    Args:
        similarities: (N, K).
        count: K_t in 0..K.

    Returns:
        (N, K) of bool.
    """
    order = similarities.argsort(dim=1, descending=True, stable=True)
    keep = torch.zeros_like(similarities, dtype=torch.bool)
    return keep.scatter_(1, order[:, :count], True)


def hardest_overall(similarities: Tensor, count: int) -> Tensor:
    """The N x `count` most similar (anchor, negative) cells, however they fall on the anchors.

    Reads "Sort(M)" as a sort of the whole matrix, and delta as the number of its cells.
    """
    flat = hardest_by_row(similarities.reshape(1, -1), count * len(similarities))
    return flat.reshape(similarities.shape)


SCOPES = {"row": hardest_by_row, "global": hardest_overall}  # D16

# Eq. 3, which anchors: s_i ----------------------------------------------------------------------

WARM_UP = 1 / 800  # one epoch of the paper's 800 in which Kumar's rule selects everything
GROWTHS = 16  # every 50 of 800 epochs
GROWTH = 1.3  # the value in Kumar et al.


class Pace(NamedTuple):
    """Where training stands for one pair of levels."""

    kept: int  # K_t
    progress: float  # t / T in [0, 1]
    age: float = math.inf  # first threshold of Kumar's rule; infinite while it warms up


def quantile(losses: Tensor, pace: Pace) -> Tensor:
    """The easiest anchors, from a half of them growing to all; of equal ones the earlier."""
    count = math.ceil((0.5 + 0.5 * pace.progress) * len(losses))
    return hardest_by_row(-losses.unsqueeze(0), count).squeeze(0)


def literal(losses: Tensor, pace: Pace) -> Tensor:
    """Eq. 3 as printed: loss < 1 / K_t.  K_t = 0 selects all, whose losses are then 0."""
    return losses < (1 / pace.kept if pace.kept else math.inf)


def rescaled(losses: Tensor, pace: Pace) -> Tensor:
    """A loss below a fraction of chance, log(1 + K_t), that grows from a half to one."""
    return losses < (0.5 + 0.5 * pace.progress) * math.log1p(pace.kept)


def kumar(losses: Tensor, pace: Pace) -> Tensor:
    """A loss below an age of its own: the first median, times 1.3 every sixteenth of training."""
    return losses < pace.age * GROWTH ** math.floor(GROWTHS * pace.progress)


def everyone(losses: Tensor, pace: Pace) -> Tensor:
    """No self-paced learning: s_i = 1."""
    return torch.ones_like(losses, dtype=torch.bool)


SELF_PACED = {  # D13; each (N,) losses and a pace -> (N,) of bool
    "quantile": quantile,
    "literal": literal,
    "rescaled": rescaled,
    "kumar": kumar,
    "off": everyone,
}


def first_age(losses: Tensor, pace: Pace) -> float:
    """Kumar's first threshold: the median of the losses once the warm-up is over, then as it is."""
    warm = pace.progress < WARM_UP
    return pace.age if warm or math.isfinite(pace.age) else losses.median().item()


# Eq. 3, from which loss: "the previous loss" -----------------------------------------------------

LOSSES = {"current": False, "previous": True}  # D58; whether patches' last losses are kept


class LastLosses(nn.Module):
    """The loss that each patch had when it was last an anchor; a buffer, so checkpoints hold it.

    Eq. 3 finds s for the losses that the weights gave before, for all patches at once. A batch
    holds few of them, so a patch is judged by the loss of the last batch that it was in.
    """

    last: Tensor  # (P,), infinite where a patch was never an anchor

    def __init__(self, patches: int):
        super().__init__()
        self.register_buffer("last", torch.full((patches,), torch.inf))
        self.pending: list[tuple[Tensor, Tensor]] = []  # of this optimizer step

    def recall(self, patches: Tensor, losses: Tensor) -> Tensor:
        """The last loss of each, or where there is none the one that it has now.

        Args:
            patches: (N,) in 0..P-1.
            losses: (N,) as of now.
        """
        last = self.last[patches].to(losses.dtype)
        return torch.where(last.isfinite(), last, losses)

    def note(self, patches: Tensor, losses: Tensor) -> None:
        """Keep these losses until the step is taken; arguments as in `recall`."""
        self.pending.append((patches, losses.to(self.last.dtype)))

    def after_step(self) -> None:
        """Let the losses of this step in; the larger one of a patch that was drawn twice."""
        if self.pending:
            patches, losses = map(torch.cat, zip(*self.pending, strict=True))
            self.last.scatter_reduce_(0, patches, losses, "amax", include_self=False)
        self.pending.clear()


# What "w/o SPL" in Table 2 takes away (D39), as keywords of `comcl.model.CoMCL`.
WITHOUT_SPL = {
    "both": {"topk": "off", "spl": "off"},
    "topk": {"topk": "off"},
    "spl": {"spl": "off"},
}
