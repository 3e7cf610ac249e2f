"""Lesion-aware contrastive learning: lesions against a queue of healthy patches, then distilled.

Paper: Cheng et al., MICCAI 2023 (abstract read; the rest is from the code).
Authors' code: IntelliDAL/Image at 3913b63, "Contrastive Learning/": modules.py (ResNet50, MLP head,
momentum 0.999, temperature 0.07, 14,400 keys, healthy ones only), student_train.py (temperature 4,
weights 0.9 and 0.1). Originally ImageNet weights, 800 epochs, batch 30 with three healthy patches a
lesion, SGD at 0.02 (config.py), for each of the two phases.
The student's code as released cannot run: it leaves the healthy patches out. What is reconstructed
[assumed] of that phase (docs/reference/methods.md#lesion-aware-cl): they are fed to both; the
teacher is in eval mode; its queue starts anew beside the student's, since the divergence compares
slot by slot and slot k must hold one patch for both (as released, the teacher brings its full queue
and its own pointer); both phases last equally long. Ours differs besides: the queues start empty,
and in the very first step the healthy keys of the batch stand in. Kept as released: lesions and
healthy patches pass the encoders one after the other, each with their own batch statistics, which
take away what sets the two kinds apart on average.
Shapes: N lesion patches and M healthy ones of P x P pixels, D dimensions, K keys in the queue.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.backbones import load_backbone
from baselines.contrastive import (
    Encoder,
    KeyQueue,
    MomentumPair,
    contrast_logits,
    relative_to_chance,
)
from baselines.host import rows
from baselines.options import pick

# Name, fraction of the epochs, factor of the learning rate.
PHASES = (("teacher", 0.5, 1.0), ("student", 0.5, 1.0))
TEACHER_ONLY = (("teacher", 1.0, 1.0),)  # the part whose code runs as released

HEALTHY = 2  # levels from this code on; below it are lesions


def contrast(logits: Tensor) -> Tensor:
    """How hard it is to tell column 0 from the rest: log(1 + K) at chance.  (N, 1 + K) -> (N,)."""
    return logits.logsumexp(dim=1) - logits[:, 0]


def distillation(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    """T^2 KL(p_t || p_s) of the softened choices; 0 where they agree.

    Args:
        student: logits, (N, 1 + K).
        teacher: logits, (N, 1 + K), of the same patches column by column.
        temperature: T > 0; its square keeps the gradient's size.

    Returns:
        (N,), >= 0.
    """
    log_student = (student / temperature).log_softmax(dim=1)
    log_teacher = (teacher / temperature).log_softmax(dim=1)
    divergence = F.kl_div(log_student, log_teacher, reduction="none", log_target=True)
    return temperature**2 * divergence.sum(dim=1)


class Contrast(nn.Module):
    """Query encoder, momentum key encoder, a queue of healthy keys: a teacher, or a student.

    Args:
        encoder: the query encoder as it starts.
        queue_size: K when full.
        momentum: of the key encoder, a step.
        temperature: > 0.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        queue_size: int,
        momentum: float,
        temperature: float,
    ):
        super().__init__()
        self.queue = KeyQueue(queue_size, encoder.dimensions)
        self.encoders = MomentumPair(encoder, momentum)
        self.temperature = temperature

    def forward(self, query: Tensor, key: Tensor, healthy: Tensor) -> tuple[Tensor, Tensor]:
        """Which key is the query's, out of it and the healthy ones of the queue?

        Args:
            query: (N, 3, P, P), lesions.
            key: (N, 3, P, P), their other views.
            healthy: (M, 3, P, P).

        Returns:
            (N, 1 + K) logits, column 0 the right one; (M, D) healthy keys, not yet in the queue.
        """
        queries = _embed(self.encoders.query, query)
        with torch.no_grad():
            keys, healthy_keys = (_embed(self.encoders.key, views) for views in (key, healthy))
        negatives = self.queue.keys() if len(self.queue) else healthy_keys
        logits = contrast_logits(queries, keys, negatives, temperature=self.temperature)
        return logits, healthy_keys


def _embed(encoder: Encoder, patches: Tensor) -> Tensor:
    """(n, 3, P, P) -> (n, D); batch norm does not take n = 0."""
    return encoder(patches) if len(patches) else patches.new_zeros(0, encoder.dimensions)


class LesionAwareCL(nn.Module):
    """The teacher's or the student's phase; the student also learns what the teacher answers.

    Args:
        phase: "teacher", or "student", which trains after `transfer`.
        backbone: a timm architecture.
        weights: "random", "imagenet" or a file, as in `backbones.create`; a student starts from
            them too, not from its teacher.
        backbone_options: further arguments of the architecture.
        queue_size: healthy keys.
        momentum: of the key encoder, a step.
        temperature: of the contrast.
        head: a key of `baselines.contrastive.HEADS`; embedding_size: D.
        distillation_share: of the divergence in the student's loss, in 0..1; the contrast has the
            rest.
        distillation_temperature: T of the divergence.

    Raises:
        ValueError: an unknown name, or a share outside 0..1.
    """

    def __init__(
        self,
        *,
        phase: str = "teacher",
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        queue_size: int = 14400,
        momentum: float = 0.999,
        temperature: float = 0.07,
        head: str = "mlp",
        embedding_size: int = 128,
        distillation_share: float = 0.1,
        distillation_temperature: float = 4.0,
    ):
        super().__init__()
        if not 0 <= distillation_share <= 1:
            raise ValueError(f"distillation_share ({distillation_share}) must be in 0..1")
        shared_out = {"contrast": 1 - distillation_share, "distillation": distillation_share}
        self.shares = pick({"teacher": {"contrast": 1.0}, "student": shared_out}, phase, "phase")
        self.softness = distillation_temperature
        encoder = Encoder(
            backbone,
            weights=weights,
            head=head,
            out=embedding_size,
            backbone_options=backbone_options,
        )
        self.learner = Contrast(
            encoder,
            queue_size=queue_size,
            momentum=momentum,
            temperature=temperature,
        )
        taught = phase == "student"
        self.teacher = deepcopy(self.learner).requires_grad_(False).eval() if taught else None
        self.pending: list[tuple[KeyQueue, Tensor]] = []  # of this step, not yet in the queues

    def transfer(self, state: Mapping[str, Tensor]) -> None:
        """Take the whole state of a teacher's phase as the frozen teacher, its queue emptied.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
            ValueError: this is no student.
        """
        if self.teacher is None:
            raise ValueError("phase ('teacher') takes no state: only a student has a teacher")
        learner_state = {name.removeprefix("learner."): tensor for name, tensor in state.items()}
        load_backbone(self.teacher, learner_state, source="the teacher's state")
        self.teacher.queue.clear()

    def train(self, mode: bool = True) -> Self:
        """As any module; a teacher stays in eval mode."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def forward(self, patches: Tensor) -> Tensor:
        """Embeddings of unit length.  (B, 3, P, P) -> (B, D)."""
        return self.learner.encoders.query(patches)

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Loss of {"query", "key": (B, 3, P, P), "levels": (B,)}, connected to all weights.

        Rows of level 0 and 1 are lesions. Of the others, healthy, the key view alone is used.
        Without a lesion there is nothing to tell apart, and the loss is a zero with zero gradients.

        Returns:
            The loss, and scalars: the patches of both kinds; with lesions each part of the loss,
            the number of negatives, and "relative", the contrast as a multiple of chance, the
            teacher's too.
        """
        del step, total_steps  # the same at every step
        lesion, device = batch["levels"].cpu() < HEALTHY, batch["query"].device
        lesions, healthy = rows(lesion, device), rows(~lesion, device)
        views = batch["query"][lesions], batch["key"][lesions], batch["key"][healthy]
        logs: dict[str, float | Tensor] = {
            "patches/lesion": float(len(views[0])),
            "patches/healthy": float(len(views[2])),
        }
        logits = self._answer(self.learner, views)
        answers = None if self.teacher is None else self._answer(self.teacher, views)
        if not len(logits):
            return self._nothing(), logs
        terms = self._terms(logits, answers)
        total = torch.stack([self.shares[name] * term for name, term in terms.items()]).sum()
        return total, logs | _measured(terms, logits, answers)

    def _answer(self, part: Contrast, views: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logits of a learner or a teacher; in training its healthy keys wait for `after_step`."""
        logits, healthy_keys = part(*views)
        if self.training:
            self.pending.append((part.queue, healthy_keys))
        return logits

    def _terms(self, logits: Tensor, answers: Tensor | None) -> dict[str, Tensor]:
        terms = {"contrast": contrast(logits).mean()}
        if answers is not None:
            softly = distillation(logits, answers, temperature=self.softness)
            terms["distillation"] = softly.mean()
        return terms

    def _nothing(self) -> Tensor:
        """A zero that gives every weight a gradient of zero, in place of a graph without them."""
        weights = self.learner.encoders.query.parameters()
        return 0.0 * torch.stack([weight.sum() for weight in weights]).sum()

    def after_step(self) -> None:
        """Let the key encoder follow, and this step's healthy keys into the queues."""
        self.learner.encoders.update()
        for queue, keys in self.pending:
            queue.enqueue(keys)
        self.pending.clear()

    def encoder_state(self) -> dict[str, Tensor]:
        """The query encoder's backbone in this phase, for `Classifier.load_encoder`."""
        return self.learner.encoders.query.trunk.state_dict()


def _measured(
    terms: Mapping[str, Tensor], logits: Tensor, answers: Tensor | None
) -> dict[str, float | Tensor]:
    """Scalars to log of a batch with lesions."""
    negatives = logits.shape[1] - 1
    scalars = {"negatives": float(negatives), **relative_to_chance(terms["contrast"], negatives)}
    if answers is not None:
        teacher = relative_to_chance(contrast(answers).mean(), negatives)
        scalars |= {f"{name}/teacher": value for name, value in teacher.items()}
    return scalars | {name: term.detach() for name, term in terms.items()}
