"""Eq. 1 of CoMCL, and the objective that Eq. 3 makes of it: what the encoder minimises.

Paper: Hou et al., MICCAI 2024, sections 2.1 and 2.2.
Authors' code: IntelliDAL/Image at 3913b63, CoMCL/, has one MoCo loss and neither equation.
Ours settles what the paper leaves open: a mean over anchors in place of a sum, which would tie the
learning rate to the batch size (D8); a weighted sum over level pairs, since the total is never
written (D9); r(w) of Eq. 3 is the optimizer's weight decay, `pretraining.weight_decay` (D61).
As printed, La, Lb and Lc are all 0, to e^(-2 / tau), where every L and H~ is one point and every L~
and H the opposite one: other patches of the anchor's level are no negatives (D6).
Letters: N anchors i, K negatives k, P further positives p, D dimensions. Embeddings have unit
length, so that a product is the cosine similarity (D4).
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def similarities(anchors: Tensor, others: Tensor) -> Tensor:
    """sim(e_i, e_k) in [-1, 1], float32 or wider even under autocast.  (N, D), (K, D) -> (N, K)."""
    wide = torch.promote_types(anchors.dtype, torch.float32)
    with torch.autocast(anchors.device.type, enabled=False):
        return anchors.to(wide) @ others.to(wide).T


def anchor_losses(
    query: Tensor, key: Tensor, negatives: Tensor, keep: Tensor | None, *, temperature: float
) -> Tensor:
    """Eq. 1 for each anchor, over the negatives that Eq. 2 keeps: log(1 + kept) at chance.

    Args:
        query: e_i, (N, D).
        key: e~_i, (N, D), the other view of the same patch: the only positive (D5).
        negatives: e_k, (K, D), all of other levels than the anchors.
        keep: (N, K) of bool; an anchor with none kept has loss 0. None for all of them.
        temperature: tau > 0.

    Returns:
        (N,), >= 0.
    """
    wide = torch.promote_types(query.dtype, torch.float32)
    positive = (query.to(wide) * key.to(wide)).sum(dim=1, keepdim=True) / temperature  # (N, 1)
    negative = _kept(similarities(query, negatives) / temperature, keep)  # (N, K)
    return torch.cat([positive, negative], dim=1).logsumexp(dim=1) - positive.squeeze(1)


def shared_positive_losses(
    query: Tensor, positives: Tensor, negatives: Tensor, keep: Tensor | None, *, temperature: float
) -> Tensor:
    """Eq. 1 with each of P patches of another level as the positive, mean over them (D55).

    Args:
        query: (N, D).
        positives: (P, D), P >= 1, the same for all anchors.
        negatives: (K, D), K >= 1.
        keep: (N, K) of bool; None for all of them.
        temperature: tau > 0.

    Returns:
        (N,), >= 0.
    """
    positive = similarities(query, positives) / temperature  # (N, P)
    negative = _kept(similarities(query, negatives) / temperature, keep)
    rivals = negative.logsumexp(dim=1, keepdim=True)  # (N, 1)
    return (torch.logaddexp(positive, rivals) - positive).mean(dim=1)


def _kept(logits: Tensor, keep: Tensor | None) -> Tensor:
    if keep is None:
        return logits
    # The lowest number in place of -inf: its exponential is 0 too, and gradients stay finite.
    return logits.masked_fill(~keep, torch.finfo(logits.dtype).min)


def pair_loss(losses: Tensor, selected: Tensor) -> Tensor:
    """Eq. 3 in w: the mean over all N anchors of s_i times loss, so 0 if none is selected.

    Args:
        losses: (N,), N >= 1.
        selected: s_i, (N,) of bool.
    """
    return (losses * selected).mean()


def total_loss(pair_losses: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted sum over level pairs (D9)."""
    return torch.stack(
        [weight * loss for weight, loss in zip(weights, pair_losses, strict=True)]
    ).sum()
