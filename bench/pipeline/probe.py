"""Whether pretraining taught an encoder anything: a linear probe of it, beside one of its start.

Both encoders stay as they are. Their batch norms first take the statistics of the training images,
since those of patches are not theirs, and an encoder that never trained has none. Then a logistic
regression on their pooled features learns the training labels, and is scored on the validation
split. What fine-tuning makes of the encoder is another matter, and the run's own score.
"""

import warnings
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from bench.evaluation import registry
from bench.evaluation.gates import GAIN, PROBE, UNTRAINED, lower_end
from bench.evaluation.influence import Influence
from bench.pipeline import build
from bench.pipeline.context import RunContext

PENALTY = 0.1
"""scikit-learn's C on standardised features. Assumed: the same for both, so neither is tuned."""
STEPS = 500
BATCH = 64


def compare(trained: Any, untrained: Any, context: RunContext) -> dict[str, float]:
    """What the validation scores of a run gain by its pretraining.

    Args:
        trained: A classifier that starts from the pretrained encoder; neither is changed.
        untrained: One that starts from the encoder as pretraining began with it.

    Returns:
        `probe` and `probe_untrained`, the task's primary metric of both; `probe_gain_low`, the
        lower end of the difference's 95 % interval over patients.
    """
    first, second = (_score(network, context) for network in (trained, untrained))
    records = [context.dataset.records[i] for i in context.dataset.where("validation")]
    patients = np.array([record.patient_id for record in records])
    low = lower_end(first.value - second.value, first.per_image - second.per_image, patients)
    return {PROBE: first.value, UNTRAINED: second.value, GAIN: low}


def _score(network: Any, context: RunContext) -> Influence:
    network = _restandardised(deepcopy(network), context)
    train, validation = (context.dataset.where(split) for split in ("train", "validation"))
    seen, asked = (_features(network, context, indices) for indices in (train, validation))
    scaler = StandardScaler().fit(seen)
    seen, asked = (np.asarray(scaler.transform(features)) for features in (seen, asked))
    labels, kind = context.dataset.labels(), context.dataset.task.kind
    columns = labels if kind == "findings" else labels[:, :1]
    answers = [_probabilities(seen, truth[train], asked) for truth in columns.T]
    if kind == "findings":
        stacked = np.stack([_of_class(a, c, 1) for a, c in answers], axis=1)
        return registry.influence(registry.primary(kind).name, labels[validation], stacked)
    (found, classes), count = answers[0], len(context.dataset.task.classes)
    stacked = np.stack([_of_class(found, classes, c) for c in range(count)], axis=1)
    return registry.influence(registry.primary(kind).name, labels[validation, 0], stacked)


def _probabilities(
    seen: np.ndarray, labels: np.ndarray, asked: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, K) probabilities and the K classes that were seen; of one class alone, certainty."""
    classes = np.unique(labels)
    if len(classes) < 2:
        return np.ones((len(asked), 1)), classes
    with warnings.catch_warnings():
        # Both probes get as many steps; which of them has converged changes nothing.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=PENALTY, max_iter=STEPS).fit(seen, labels)
    return model.predict_proba(asked), model.classes_


def _of_class(probabilities: np.ndarray, classes: np.ndarray, wanted: int) -> np.ndarray:
    """(n,) probabilities of a class; 0 where training had none of it."""
    columns = probabilities[:, classes == wanted]
    return columns[:, 0] if columns.shape[1] else np.zeros(len(probabilities))


@torch.no_grad()
def _restandardised(network: Any, context: RunContext) -> Any:
    """The network with batch norms that know the training images, in eval mode."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over batches
    network.eval()
    for norm in norms:
        norm.train()
    _features(network, context, context.dataset.where("train"))
    return network.eval()


@torch.no_grad()
def _features(network: Any, context: RunContext, indices: np.ndarray) -> np.ndarray:
    """(n, F) pooled features of whole images, as fine-tuning sees them without augmentation."""
    prepare, pixels = build.prepare(context), build.pixels(context)
    parts = np.array_split(indices, max(1, round(len(indices) / BATCH)))
    found = [network.features(prepare(pixels.batch(p))).float().cpu() for p in parts]
    return torch.cat(found).numpy().astype(np.float64)
