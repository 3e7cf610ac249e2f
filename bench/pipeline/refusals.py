"""Settings that a run would silently not read are refused, with the way out."""

from bench import roster
from bench.data.records import Dataset
from bench.errors import RequestError
from bench.protocol import chest as chest_settings
from bench.protocol.settings import Protocol

PLAIN = "baselines.classifier:Classifier"
CONTRASTIVE = "bench.pipeline.recipes.contrastive:"
"""Where the recipes are that fine-tune the plain classifier."""


def refuse_foreign_options(name: str, method: roster.Method, changes: tuple[str, ...]) -> None:
    """Refuse settings of other methods.

    Raises:
        RequestError: a change names a group that this method does not read.
    """
    of_methods = {group for entry in roster.METHODS.values() for group in entry.groups}
    for change in changes:
        group = change.partition(".")[0]
        if group in of_methods and group not in method.groups:
            raise RequestError(f"--set {change}: {name} does not read the settings of {group!r}")


def refuse_other_modality(dataset: Dataset, changes: tuple[str, ...]) -> None:
    """Refuse settings that images of the data set's kind never read.

    Raises:
        RequestError: a change of fundus settings for radiographs, or the other way round.
    """
    chest = dataset.modality == "chest"
    nih = dataset.name.startswith("chestxray")
    unread = chest_settings.FUNDUS_ONLY if chest else ("chest.",)
    way_out = "see chest.degradation, chest.mean and chest.std" if chest else "leave it out"
    for change in changes:
        if chest and dataset.name == "folder" and change.startswith(chest_settings.NIH_ONLY):
            raise RequestError(
                f"--set {change}: of a folder, labels.csv says which images there are and of which "
                "quality; leave it out"
            )
        if nih and change.startswith("quality."):
            raise RequestError(
                f"--set {change}: {dataset.name} has no labels of quality; see chest.quality"
            )
        if change.startswith(unread):
            raise RequestError(
                f"--set {change}: {dataset.name} has {dataset.modality} images, which do not read "
                f"it; {way_out}"
            )


def refuse_without_effect(dataset: Dataset, protocol: Protocol) -> None:
    """Refuse settings of radiographs that other settings keep from being read.

    Raises:
        RequestError: with the sentence of `bench.protocol.chest.unread`.
    """
    wrong = chest_settings.unread(protocol.chest, protocol.patches.boxes)
    if dataset.modality == "chest" and wrong:
        raise RequestError(wrong)


def refuse_regression(
    name: str,
    method: roster.Method,
    dataset: Dataset,
    protocol: Protocol,
    changes: tuple[str, ...],
) -> None:
    """Refuse to regress what is no grade, and in networks that have a loss of their own.

    Raises:
        RequestError: a change asks for it.
    """
    asked = [change for change in changes if change.startswith("finetuning.loss=")]
    if not asked or protocol.finetuning.loss != "regression":
        return
    if dataset.task.kind != "grading":
        raise RequestError(
            f"--set {asked[-1]}: {dataset.name} has findings, which are no grades to regress; "
            "leave it out"
        )
    if method.component != PLAIN and not method.recipe.startswith(CONTRASTIVE):
        raise RequestError(
            f"--set {asked[-1]}: {name} has a network or a loss of its own; plain classifiers and "
            "contrastive methods alone can be fine-tuned so; leave it out"
        )


def refuse_own_size(method: roster.Method, protocol: Protocol) -> None:
    """Refuse whole images for MoCo that are larger than those that are read, or that none reads.

    Raises:
        RequestError: `moco.image_px` with lesion patches, or above `data.image_px`.
    """
    own, read = protocol.moco.image_px, protocol.data.image_px
    if own is None or "moco" not in method.groups:
        return
    if not method.recipe.endswith(":moco"):
        raise RequestError(
            f"--set moco.image_px={own}: {method.title} does not see whole images; leave it out"
        )
    if own > read:
        raise RequestError(
            f"--set moco.image_px={own}: images are read at {read} px (data.image_px), and larger "
            f"ones would show no more; choose at most {read}, or raise data.image_px"
        )
