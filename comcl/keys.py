"""The keys that an anchor meets: from the queues or the batch, of other levels and of its own.

Paper: Hou et al., MICCAI 2024, section 2.1: "every patch v_k^n in the V^n as negatives".
Authors' code: IntelliDAL/Image at 3913b63, CoMCL/modules.py, has one queue for all.
Ours settles what the paper leaves open: a queue for each level (D7), and whether other patches of
the anchor's own level are negatives too (D6).
Shapes: B patches, N anchors, K negatives, D dimensions.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from baselines.contrastive import KeyQueue
from baselines.host import rows, sent
from comcl.views import LEVELS, Pair


class Keys(NamedTuple):
    """Key embeddings of one batch, without gradient."""

    embeddings: Tensor  # (B, D)
    levels: Tensor  # (B,) in 0..3, on the processor
    patches: Tensor  # (B,) their numbers (`numbered`), read only where last losses are kept

    def places(self, levels: Collection[str]) -> Tensor:
        """Where patches of these levels are in the batch.  (n,), on the processor."""
        return self._among(levels).nonzero().flatten()

    def at(self, levels: Collection[str]) -> slice | Tensor:
        """The same, to index the embeddings with."""
        return rows(self._among(levels), self.embeddings.device)

    def _among(self, levels: Collection[str]) -> Tensor:
        codes = [LEVELS.index(level) for level in levels]
        return torch.isin(self.levels, torch.tensor(codes, dtype=self.levels.dtype))

    def of(self, level: str) -> Tensor:
        """The embeddings of one level."""
        return self.embeddings[self.at([level])]


def numbered(levels: Tensor, entries: Tensor) -> Tensor:
    """A number for each patch that no other has.  (B,).

    Args:
        levels: (B,) codes, on the processor.
        entries: (B,) place of the patch among those of its level.
    """
    return len(LEVELS) * entries + sent(levels, entries.device)


def from_queue(queue: KeyQueue) -> Tensor | None:
    """What the queue holds; before it holds a first key, the batch's own keys stand in."""
    return queue.keys() if len(queue) else None


def from_batch(queue: KeyQueue) -> None:
    """The keys of the same batch."""


NEGATIVES = {"queue": from_queue, "batch": from_batch}  # D7; each a queue's keys, or None


def other_levels(pair: Pair) -> tuple[str, ...]:
    """Eq. 1 as printed: the sum over k runs over V^n, n other than m."""
    return pair.negatives


def own_level_too(pair: Pair) -> tuple[str, ...]:
    """The anchors' own levels as well, so that patches of one level are told apart."""
    return (*pair.negatives, *pair.anchors)


OWN_LEVEL = {"no": other_levels, "yes": own_level_too}  # D6


class Drawn(NamedTuple):
    """Keys of some levels, from queues or from the batch."""

    embeddings: Tensor  # (K, D)
    places: Tensor  # (K,) of the key in the batch, on the processor; -1 out of a queue

    def others_than(self, anchors: Tensor) -> Tensor:
        """Which keys are no view of the anchor itself.

        Args:
            anchors: (N,) places in the batch.

        Returns:
            (N, K) of bool.
        """
        return anchors.unsqueeze(1) != self.places


def drawn(levels: Collection[str], keys: Keys, stored: Mapping[str, Tensor | None]) -> Drawn:
    """The keys of these levels: the stored ones, or where there are none the batch's own.

    Args:
        stored: for each level its keys (K, D), or None for those of the batch.
    """
    embeddings, places = [keys.embeddings[:0]], [keys.levels[:0]]
    for level in levels:
        found, here = stored[level], keys.places([level])
        embeddings.append(keys.of(level) if found is None else found)
        places.append(here if found is None else here.new_full((len(found),), -1))
    return Drawn(torch.cat(embeddings), torch.cat(places))
