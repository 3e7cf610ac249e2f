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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.contrastive import Encoder, KeyQueue, MomentumPair
from baselines.host import KeptOnHost, sent
from baselines.options import pick
from comcl import loss as equations
from comcl import mining
from comcl.closeness import closeness
from comcl.keys import NEGATIVES, OWN_LEVEL, Drawn, Keys, drawn, numbered
from comcl.views import LEVELS, Pair, pairs_for


class CoMCL(KeptOnHost):
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
        negatives: a key of `keys.NEGATIVES`; own_level_negatives: one of `keys.OWN_LEVEL`.
        topk, k_rule, k_direction, topk_scope: of Eq. 2, keys of `mining.TOPK`, `mining.K_RULES`,
            `mining.DIRECTIONS`, `mining.SCOPES`; k_min: the least K_t under k_rule "floor".
        spl: of Eq. 3, a key of `mining.SELF_PACED`; spl_losses: one of `mining.LOSSES`.
        entries: patches of the largest level, for spl_losses "previous".
        mining_starts: the share of training after which Eq. 2 and 3 begin, in [0, 1).

    Raises:
        ValueError: an unknown name, no pair, no patch to keep a loss of, a share out of range.
    """

    on_host = ("ages",)
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
        own_level_negatives: str = "no",
        topk: str = "cosine",
        k_rule: str = "floor",
        k_min: int = 1,
        k_direction: str = "fall",
        topk_scope: str = "row",
        spl: str = "quantile",
        spl_losses: str = "current",
        entries: int = 0,
        mining_starts: float = 0.0,
    ):
        super().__init__()
        if not pairs:
            raise ValueError("pairs (none) must hold at least one: no loss is left to train with")
        if not 0 <= mining_starts < 1:
            raise ValueError(f"mining_starts ({mining_starts}) must be in [0, 1), a share")
        keeps_losses = pick(mining.LOSSES, spl_losses, "spl_losses")
        if keeps_losses and entries < 1:
            raise ValueError(f"entries ({entries}) must be at least 1 to keep losses of patches")
        self.pairs, self.temperature = tuple(pairs), temperature
        self.entries, self.mining_starts = entries, mining_starts
        self.k_min, self.k_direction = k_min, k_direction
        pick(mining.DIRECTIONS, k_direction, "k_direction")
        self.source = pick(NEGATIVES, negatives, "negatives")
        self.levels_met = pick(OWN_LEVEL, own_level_negatives, "own_level_negatives")
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
        kept = len(self.pairs) if keeps_losses else 0
        self.last_losses = nn.ModuleList(
            mining.LastLosses(len(LEVELS) * entries) for _ in range(kept)
        )
        self.pending: list[Keys] = []  # keys of this optimizer step, not yet in the queues

    def forward(self, patches: Tensor) -> Tensor:
        """Embeddings of unit length.  (B, 3, P, P) -> (B, D)."""
        return self.encoders.query(patches)

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Total loss of {"query", "key": (B, 3, P, P), "levels": (B,)}, connected to all weights.

        With spl_losses "previous" also of {"entries": (B,)}, each patch's place in its level.
        A pair without anchors in the batch, or without any negative, adds nothing and logs nothing.

        Returns:
            The loss, and scalars: for each pair its loss, its K_t ("k"), the selected share, and
            "relative", its loss without mining as a multiple of chance, log(1 + delta), which
            alone compares over a training; for each level the number of patches; and how close
            levels and their patches are, see `closeness`.
        """
        query = self.encoders.query(batch["query"])
        levels = batch["levels"].cpu()
        with torch.no_grad():
            patches = numbered(levels, batch["entries"]) if self.last_losses else levels
            keys = Keys(self.encoders.key(batch["key"]), levels, patches)
        if self.training:
            self.pending.append(keys)
        now = mining.clock(step, total_steps, self.mining_starts)
        terms = [
            term
            for index in range(len(self.pairs))
            if (term := self._mine(index, query, keys, now)) is not None
        ]
        # Where no pair is left the loss is a zero with zero gradients, not a graph without weights.
        losses = [0.0 * query.sum(), *(term.loss for term in terms)]
        total = equations.total_loss(losses, [1.0, *(term.pair.weight for term in terms)])
        logs: dict[str, float | Tensor] = {f"patches/{n}": float(len(keys.of(n))) for n in LEVELS}
        logs |= closeness(keys._replace(embeddings=query.detach()))
        return total, logs | {name: value for term in terms for name, value in term.logs().items()}

    def _mine(
        self, index: int, query: Tensor, keys: Keys, now: mining.Clock | None
    ) -> "Term | None":
        """Eq. 1 to 3 for the pair at that place; None without anchors, positives or negatives."""
        pair = self.pairs[index]
        rows = keys.at(pair.anchors)
        anchors, (negatives, others) = query[rows], self._negatives(pair, keys)
        shared = self._drawn(pair.positives, keys).embeddings
        positives = shared if pair.positives else keys.embeddings[rows]
        if not (len(anchors) and len(positives) and others.any()):
            return None
        delta = int(others.sum(dim=1).min())
        count = self._count(delta, now)
        similar = equations.similarities(anchors.detach(), negatives)
        function = equations.shared_positive_losses if pair.positives else equations.anchor_losses
        eq_1 = partial(function, anchors, positives, negatives, temperature=self.temperature)
        met = None if others.all() else sent(others, similar.device)
        hard = similar if met is None else similar.masked_fill(~met, -torch.inf)
        losses = eq_1(keep=self.hardest(hard, count))
        with torch.no_grad():
            unmined = eq_1(keep=met).mean()
        judged = self._judged(index, keys, rows, losses.detach())
        selected = self._select(index, judged, count, now)
        loss = equations.pair_loss(losses, selected)
        return Term(pair, loss, selected, count, unmined / math.log1p(delta))

    def _negatives(self, pair: Pair, keys: Keys) -> tuple[Tensor, Tensor]:
        """The keys that anchors meet (K, D), and which of them are no view of each (N, K).

        The latter on the processor.
        """
        negatives = self._drawn(self.levels_met(pair), keys)
        return negatives.embeddings, negatives.others_than(keys.places(pair.anchors))

    def _count(self, delta: int, now: mining.Clock | None) -> int:
        """K_t; before mining starts, all negatives."""
        if now is None:
            return delta
        count = self.count(delta, now.step, now.total_steps, direction=self.k_direction)
        return self.bound(count, delta, self.k_min)

    def _judged(self, index: int, keys: Keys, rows: slice | Tensor, losses: Tensor) -> Tensor:
        """The losses that decide s_i: these, or those that the patches had before (D58)."""
        if not self.last_losses:
            return losses
        memory, patches = self.last_losses[index], keys.patches[rows]
        assert isinstance(memory, mining.LastLosses)
        judged = memory.recall(patches, losses)
        if self.training:
            memory.note(patches, losses)
        return judged

    def _select(self, index: int, judged: Tensor, count: int, now: mining.Clock | None) -> Tensor:
        """s_i, (N,), by the losses that decide it; before mining starts, all anchors."""
        if now is None:
            return torch.ones_like(judged, dtype=torch.bool)
        pace = mining.Pace(count, now.progress, float(self.ages[index]))
        pace = pace._replace(age=mining.first_age(judged, pace))
        if self.training:
            self.ages[index] = pace.age
        return self.select(judged, pace)

    def _drawn(self, levels: Sequence[str], keys: Keys) -> Drawn:
        """The keys of these levels that serve as negatives or positives now."""
        return drawn(levels, keys, {level: self.source(self.queue(level)) for level in levels})

    def queue(self, level: str) -> KeyQueue:
        """The queue of one level."""
        queue = self.queues[LEVELS.index(level)]
        assert isinstance(queue, KeyQueue)
        return queue

    def after_step(self) -> None:
        """Let the key encoder follow, and this step's keys into the queues of their levels."""
        self.encoders.update()
        for memory in self.last_losses:
            assert isinstance(memory, mining.LastLosses)
            memory.after_step()
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
