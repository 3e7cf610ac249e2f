"""Methods that see whole images and labels only: one supervised stage, or several in a row."""

from functools import partial

from bench import roster
from bench.pipeline.context import RunContext
from bench.pipeline.recipes.common import network, shared_out, supervised, transfer, whole_state
from bench.pipeline.recipes.contrastive import pretraining_samples_seen
from bench.training.stages import Stage

# A contrastive step computes the query's forward and backward pass (three units) and the key's
# forward pass (one); a supervised step three.
CONTRASTIVE_COST = 4 / 3


def classifier(context: RunContext) -> tuple[Stage, ...]:
    """One supervised stage; `compute_matched` lengthens it by the cost of pretraining."""
    settings = context.protocol.finetuning
    epochs = settings.epochs
    if context.method.options.get("compute_matched"):
        epochs = _compute_matched_epochs(context)
        settings = settings.model_copy(update={"patience": None})  # computes as much in any case
    return (supervised(context, partial(network, context), epochs=epochs, settings=settings),)


def phased(context: RunContext) -> tuple[Stage, ...]:
    """One supervised stage a phase of the method.

    The class's module lists its `PHASES`: name, length, factor of the rate. Lengths are fractions
    of one classifier's training, unless the method's option `lengths` says how many trainings of a
    classifier each phase lasts. A phase that is left out (see `left_out`) leaves its epochs to the
    others.
    """
    absent = left_out(context)
    phases = [p for p in in_lengths(context) if p[0] not in absent]
    total = max(1.0, sum(length for _, length, _ in phases))
    epochs = shared_out(
        round(context.protocol.finetuning.epochs * total), [length for _, length, _ in phases]
    )
    return tuple(
        _phase(context, name, count, factor, first=position == 0)
        for position, ((name, _, factor), count) in enumerate(zip(phases, epochs, strict=True))
    )


def in_lengths(context: RunContext) -> tuple[tuple[str, float, float], ...]:
    """A method's phases, each as long as its option `lengths` says where that is set."""
    phases = roster.constant(context.method, "PHASES")
    groups = (getattr(context.protocol, group) for group in context.method.groups)
    lengths = next(filter(None, (getattr(group, "lengths", None) for group in groups)), None)
    if lengths is None:
        return phases
    return tuple(
        (name, length, factor) for (name, _, factor), length in zip(phases, lengths, strict=True)
    )


def left_out(context: RunContext) -> tuple[str, ...]:
    """Names of the phases that train on a frozen backbone, where it would be a random one.

    The class's module names such phases `ON_A_TRAINED_BACKBONE`.
    """
    if context.weights != "random":
        return ()
    return roster.constant(context.method, "ON_A_TRAINED_BACKBONE", ())


def _phase(context: RunContext, name: str, epochs: int, factor: float, *, first: bool) -> Stage:
    settings = context.protocol.finetuning
    return supervised(
        context,
        partial(network, context, phase=name),
        name=name,
        epochs=epochs,
        settings=settings.model_copy(update={"lr": settings.lr * factor}),
        starts_from=None if first else transfer,
        outcome=whole_state,
    )


def _compute_matched_epochs(context: RunContext) -> int:
    """Fine-tuning epochs that cost what pretraining and fine-tuning cost together."""
    protocol = context.protocol
    area = (protocol.patches.size_px / protocol.data.image_px) ** 2
    patches = pretraining_samples_seen(context)
    extra = patches * CONTRASTIVE_COST * area / len(context.dataset.where("train"))
    return protocol.finetuning.epochs + round(extra)
