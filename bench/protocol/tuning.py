"""What `bench tune` tries, declared before any trial and the same for every row of Table 1.

One setting per recipe is tuned, on a grid around the preset's value, with one seed, on images of
native quality, by the validation split alone. What wins is then in force at every share of
low-quality images.
"""

RATE = "finetuning.lr"
_PRETRAINED = (
    "fine-tuning's: pretraining keeps the preset's rate, so that the trials of a method share it"
)
_RECIPES = "bench.pipeline.recipes"

DECLARED: dict[str, tuple[str, str]] = {
    f"{_RECIPES}.supervised:classifier": (RATE, "the only rate"),
    f"{_RECIPES}.supervised:phased": (RATE, "each phase has a fixed factor of it"),
    f"{_RECIPES}.contrastive:comcl": (RATE, _PRETRAINED),
    f"{_RECIPES}.contrastive:on_lesion_patches": (RATE, _PRETRAINED),
    f"{_RECIPES}.contrastive:lesion_aware": (RATE, _PRETRAINED),
    f"{_RECIPES}.contrastive:moco": (RATE, _PRETRAINED),
    f"{_RECIPES}.deepmt_dr:deepmt_dr": (
        RATE,
        "that of the two phases that grade: super-resolution has its own optimiser and gate",
    ),
}
"""Recipe, as the roster names it -> the setting that is tuned, and why that one."""

FACTORS = (0.5, 1.0, 2.0, 4.0)
"""Of the preset's value, in even steps of a logarithm. Assumed: of the plain classifier's first
four trials, a quarter to twice the preset's, the smallest was worst and the largest best, so that
the grid was moved up a step, for all, before another method's value had been compared
(results/LOG.md)."""

SEED = 1000
"""Of every trial. No study counts so far, so none is run with the seed that it was tuned on; it is
fold 0 of its repeat for 2, 4, 5, 8 or 10 folds."""

STUDY = "tuning"
"""The name of the study that trials belong to; they enter no table."""

FEWER_TESTED, TEST_IMAGES = "eyeq-twin", 200
"""The set that has fewer test images in a trial, where nobody reads them, and how many: the fewest
that have every grade and quality. Its training and validation images are those of the whole set."""

INHERITS: dict[str, str] = {
    "resnet50-long": "resnet50",
    "moco": "comcl",
    "moco-patches": "comcl",
    "comcl-no-multilevel": "comcl",
    "comcl-no-spl": "comcl",
    "comcl-v1": "comcl",
    "comcl-v2": "comcl",
}
"""Methods that have no trials and take another's values: the compute-matched control that of the
network which it prolongs, the rows of Tables 2 and 3 that of CoMCL, so that they differ from it in
the part that they are about and in nothing else."""


def values(preset: float) -> tuple[float, ...]:
    """The values that are tried around a preset's, ascending."""
    return tuple(value(preset, factor) for factor in FACTORS)


def value(preset: float, factor: float) -> float:
    """The value at a factor of the preset's, as it is typed."""
    return float(f"{factor * preset:.6g}")
