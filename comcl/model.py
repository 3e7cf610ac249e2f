"""CoMCL's first phase: an encoder learns from patches of four levels.

Paper: Hou et al., MICCAI 2024, sections 2.1, 2.2, 3.1.
Authors' code: IntelliDAL/Image at 3913b63, CoMCL/modules.py, shares encoder, head and momentum
with this, and has one queue.
Ours settles what the paper leaves open: ResNet50 with its pooling, then an MLP (D2, D3); keys from
a momentum encoder (D54) and a queue for each level, delta being the keys in it now (D7). Patches
of all levels pass both encoders, so that batch statistics mix the levels and give none away.
Shapes: B patches, N anchors, K negatives, D dimensions.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from baselines.contrastive import Encoder, KeyQueue, MomentumPair
from baselines.options import pick
from comcl import loss as equations
from comcl import mining
from comcl.views import LEVELS, Pair, pairs_for


class Keys(NamedTuple):
    """Key embeddings of one batch, without gradient."""

    embeddings: Tensor  # (B, D)
    levels: Tensor  # (B,) in 0..3

    def at(self, levels: Collection[str]) -> Tensor:
        """Which patches are of these levels.  (B,) of bool."""
        codes = [LEVELS.index(level) for level in levels]
        return torch.isin(self.levels, torch.tensor(codes, device=self.levels.device))

    def of(self, level: str) -> Tensor:
        """The embeddings of one level."""
        return self.embeddings[self.at([level])]


def from_queue(queue: KeyQueue, batch: Tensor) -> Tensor:
    """What the queue holds; before it holds a first key, the batch's own keys stand in."""
    return queue.keys() if len(queue) else batch


def from_batch(queue: KeyQueue, batch: Tensor) -> Tensor:
    """The keys of the same batch."""
    return batch


NEGATIVES = {"queue": from_queue, "batch": from_batch}  # D7


class CoMCL(nn.Module):
    """Query encoder, momentum key encoder, a queue for each level, the losses of the pairs.

    Args:
        backbone: a timm architecture.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        backbone_options: further arguments of the architecture.
        pairs: the losses and their weights, as from `views.pairs_for`.
        queue_size: keys per level, one number or one for each level.
        momentum: of the key encoder, a step.
        temperature: tau of Eq. 1.
        head: "mlp", "linear" or "none"; embedding_size: its output.
        negatives: a key of `NEGATIVES`.
        topk, k_rule, k_direction, topk_scope: of Eq. 2, keys of `mining.TOPK`, `mining.K_RULES`,
            `mining.DIRECTIONS`, `mining.SCOPES`; k_min: the least K_t under k_rule "floor".
        spl: of Eq. 3, a key of `mining.SELF_PACED`.

    Raises:
        ValueError: an unknown name, or no pair.
    """

    ages: Tensor  # one per pair, in the order of `pairs`

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        pairs: Sequence[Pair] = pairs_for("comcl"),
        queue_size: int | Mapping[str, int] = 7200,
        momentum: float = 0.999,
        temperature: float = 0.07,
        head: str = "mlp",
        embedding_size: int = 128,
        negatives: str = "queue",
        topk: str = "cosine",
        k_rule: str = "floor",
        k_min: int = 1,
        k_direction: str = "fall",
        topk_scope: str = "row",
        spl: str = "quantile",
    ):
        super().__init__()
        if not pairs:
            raise ValueError("pairs (none) must hold at least one: no loss is left to train with")
        self.pairs, self.temperature = tuple(pairs), temperature
        self.k_min, self.k_direction = k_min, k_direction
        pick(mining.DIRECTIONS, k_direction, "k_direction")
        self.source = pick(NEGATIVES, negatives, "negatives")
        self.count = pick(mining.TOPK, topk, "topk")
        self.bound = pick(mining.K_RULES, k_rule, "k_rule")
        self.hardest = pick(mining.SCOPES, topk_scope, "topk_scope")
        self.select = pick(mining.SELF_PACED, spl, "spl")
        encoder = Encoder(
            backbone,
            weights=weights,
            head=head,
            out=embedding_size,
            backbone_options=backbone_options,
        )
        sizes = queue_size if isinstance(queue_size, Mapping) else dict.fromkeys(LEVELS, queue_size)
        self.queues = nn.ModuleList(KeyQueue(sizes[n], encoder.dimensions) for n in LEVELS)
        self.encoders = MomentumPair(encoder, momentum)
        self.register_buffer("ages", torch.full((len(self.pairs),), torch.inf))
        self.pending: list[Keys] = []  # keys of this optimizer step, not yet in the queues

    def forward(self, patches: Tensor) -> Tensor:
        """Embeddings of unit length.  (B, 3, P, P) -> (B, D)."""
        return self.encoders.query(patches)

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Total loss of {"query", "key": (B, 3, P, P), "levels": (B,)}, connected to all weights.

        A pair without anchors in the batch, or without any negative, adds nothing and logs nothing.

        Returns:
            The loss, and scalars: for each pair its loss, its K_t ("k"), the selected share, and
            "relative", its loss without mining as a multiple of chance, log(1 + delta), which
            alone compares over a training; for each level the number of patches.
        """
        query = self.encoders.query(batch["query"])
        with torch.no_grad():
            keys = Keys(self.encoders.key(batch["key"]), batch["levels"])
        if self.training:
            self.pending.append(keys)
        terms = [
            term
            for index in range(len(self.pairs))
            if (term := self._mine(index, query, keys, step, total_steps)) is not None
        ]
        # Where no pair is left the loss is a zero with zero gradients, not a graph without weights.
        losses = [0.0 * query.sum(), *(term.loss for term in terms)]
        total = equations.total_loss(losses, [1.0, *(term.pair.weight for term in terms)])
        logs: dict[str, float | Tensor] = {f"patches/{n}": float(len(keys.of(n))) for n in LEVELS}
        return total, logs | {name: value for term in terms for name, value in term.logs().items()}

    def _mine(
        self, index: int, query: Tensor, keys: Keys, step: int, total_steps: int
    ) -> "Term | None":
        """Eq. 1 to 3 for the pair at that place; None without anchors, positives or negatives."""
        pair = self.pairs[index]
        rows = keys.at(pair.anchors)
        anchors, negatives = query[rows], self._drawn(pair.negatives, keys)
        positives = self._drawn(pair.positives, keys) if pair.positives else keys.embeddings[rows]
        if not (len(anchors) and len(positives) and len(negatives)):
            return None
        count = self._count(len(negatives), step, total_steps)
        similar = equations.similarities(anchors.detach(), negatives)
        function = equations.shared_positive_losses if pair.positives else equations.anchor_losses
        eq_1 = partial(function, anchors, positives, negatives, temperature=self.temperature)
        losses = eq_1(keep=self.hardest(similar, count))
        with torch.no_grad():
            unmined = eq_1(keep=torch.ones_like(similar, dtype=torch.bool)).mean()
        selected = self._select(index, losses.detach(), count, step / total_steps)
        loss = equations.pair_loss(losses, selected)
        return Term(pair, loss, selected, count, unmined / math.log1p(len(negatives)))

    def _count(self, delta: int, step: int, total_steps: int) -> int:
        count = self.count(delta, step, total_steps, direction=self.k_direction)
        return self.bound(count, delta, self.k_min)

    def _select(self, index: int, losses: Tensor, count: int, progress: float) -> Tensor:
        pace = mining.Pace(count, progress, float(self.ages[index]))
        pace = pace._replace(age=mining.first_age(losses, pace))
        if self.training:
            self.ages[index] = pace.age
        return self.select(losses, pace)

    def _drawn(self, levels: tuple[str, ...], keys: Keys) -> Tensor:
        """The keys of these levels that serve as negatives or positives now.  (K, D)."""
        drawn = [self.source(self.queue(level), keys.of(level)) for level in levels]
        return torch.cat([keys.embeddings[:0], *drawn])

    def queue(self, level: str) -> KeyQueue:
        """The queue of one level."""
        queue = self.queues[LEVELS.index(level)]
        assert isinstance(queue, KeyQueue)
        return queue

    def after_step(self) -> None:
        """Let the key encoder follow, and the keys of this step into the queues of their levels."""
        self.encoders.update()
        for keys in self.pending:
            for level in LEVELS:
                self.queue(level).enqueue(keys.of(level))
        self.pending.clear()

    def encoder_state(self) -> dict[str, Tensor]:
        """The query encoder's backbone, for `Classifier.load_encoder`."""
        return self.encoders.query.trunk.state_dict()


@dataclass(frozen=True)
class Term:
    """What one pair adds to the loss of a batch."""

    pair: Pair
    loss: Tensor  # scalar, with gradient
    selected: Tensor  # s_i, (N,)
    count: int  # K_t
    relative: Tensor  # Eq. 1 over all anchors and negatives, chance = 1

    def logs(self) -> dict[str, float | Tensor]:
        """Scalars under the pair's name."""
        scalars = {
            "loss": self.loss.detach(),
            "relative": self.relative,
            "selected": self.selected.float().mean(),
            "k": float(self.count),
        }
        return {f"{what}/{self.pair.name}": value for what, value in scalars.items()}
