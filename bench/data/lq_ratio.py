"""Which images are degraded so that a split reaches its proportion of low-quality images.

It is drawn by image id, nested (what 70 % degrades, 100 % degrades too), stratified by grade, the
same for every method and seed, and made in each split on its own.
"""

import numpy as np

from bench.data.records import SPLITS, Dataset
from bench.errors import RequestError
from bench.seeding import seed_for

# The paper's labels of the undegraded sets (section 3.2) mean "native".
NATIVE_LABELS = {
    "eyeq": "0.334",
    "eyeq-twin": "0.334",
    "chestxray": "0.432",
    "chestxray-twin": "0.432",
}


def parse(text: str, dataset: str, *, what: str = "--lq-ratio") -> str:
    """The ratio in canonical text: "native" or a number such as "0.7" or "1.0".

    Args:
        what: How a refusal calls the text.

    Raises:
        RequestError: for anything but native or a number in (0, 1].
    """
    if text == "native" or NATIVE_LABELS.get(dataset) == text:
        return "native"
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value <= 1:
        raise RequestError(
            f"{what} {text}: the proportion of low-quality images is 'native' or a number "
            "above 0 and at most 1, such as 0.7"
        )
    return str(value)


def choose(dataset: Dataset, ratio: str, *, apply_to: str, data_seed: int) -> np.ndarray:
    """Which records to degrade.

    Args:
        dataset: Its native low-quality images are left as they are; where it has none of its own,
            its synthetic proportion is degraded at every ratio, in every split.
        ratio: From `parse`.
        apply_to: "both", "train" (and validation) or "test".
        data_seed: Of the protocol; the run's seed has no say.

    Returns:
        (N,) bool.

    Raises:
        RequestError: when the requested proportion is below the training split's own.
    """
    chosen = np.zeros(len(dataset.records), dtype=bool)
    for split in SPLITS if dataset.synthetic_proportion else ():
        chosen[_chosen_of(dataset, split, dataset.synthetic_proportion, data_seed)] = True
    if ratio == "native":
        return chosen
    _refuse_less_than_native(dataset, float(ratio))
    for split in SPLITS:
        if apply_to == "both" or (split == "test") == (apply_to == "test"):
            chosen[_chosen_of(dataset, split, float(ratio), data_seed)] = True
    return chosen


def low_quality_proportions(dataset: Dataset, degraded: np.ndarray) -> dict[str, float]:
    """The achieved proportion of low-quality images, native and degraded, in each split."""
    low = (dataset.quality() > 0) | degraded
    return {split: float(low[dataset.where(split)].mean()) for split in SPLITS}


def _refuse_less_than_native(dataset: Dataset, ratio: float) -> None:
    train = np.concatenate([dataset.where("train"), dataset.where("validation")])
    native = max(float((dataset.quality()[train] > 0).mean()), dataset.synthetic_proportion)
    if ratio < native:
        raise RequestError(
            f"--lq-ratio {ratio}: {native:.1%} of the training images of {dataset.name} are of "
            "low quality already; ask for more, or for 'native'"
        )


def _chosen_of(dataset: Dataset, split: str, ratio: float, data_seed: int) -> np.ndarray:
    """Indices to degrade in one split: the first of a stratified order, as many as are missing."""
    members = dataset.where(split)
    quality = dataset.quality()[members]
    missing = round(ratio * len(members)) - int((quality > 0).sum())
    good = members[quality == 0]
    worst = dataset.labels()[good].max(axis=1)
    lot = np.array([seed_for(data_seed, "choice", dataset.records[i].image_id) for i in good])
    position = np.empty(len(good))
    for grade in np.unique(worst):
        of_grade = np.flatnonzero(worst == grade)
        rank = lot[of_grade].argsort().argsort()
        # Evenly spaced within a stratum, so that any prefix holds every grade in proportion.
        position[of_grade] = (rank + 0.5) / len(of_grade)
    return good[np.lexsort((lot, position))[: max(0, missing)]]
