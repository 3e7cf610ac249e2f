"""Every setting that can change a number, each with its source.

A setting's source is a section of the paper ("paper 3.1"), a line of released code ("code: ..."),
a section of docs/reference ("reference: training.md#fine-tuning-recipe"), or "assumed: why".
The defaults are the preset `paper`: what the paper says, with gaps filled. `bench.protocol.presets`
has the others.
"""

from collections.abc import Mapping
from typing import Any, Literal

from bench.protocol.chest import ChestSettings
from bench.protocol.detector_settings import DetectorSettings
from bench.protocol.fields import SettingsGroup, setting
from bench.protocol.method_settings import (
    CabnetSettings,
    CoMCLSettings,
    DeepmtDrSettings,
    DensenetSettings,
    InceptionSettings,
    LanetSettings,
    LesionAwareSettings,
    MmcnnSettings,
    MoCoSettings,
    ZoomInNetSettings,
)
from bench.protocol.patch_settings import PatchSettings

Schedule = Literal["constant", "cosine", "poly", "step", "inverse_time"]
"""Of the learning rate: see `bench.training.optim.DECAYS`."""

NOT_HASHED = ("data.modality", "data.columns")
"""How a folder is read: what comes of it is in the manifest, and in the group `chest`."""

ADDED_LATER: frozenset[str] = frozenset({"moco.negatives"})
"""Settings younger than the first study's: hashed only where they differ from their default, so
that no stored run changes its name."""


class DataSettings(SettingsGroup):
    """Which images, how large, and how they are split."""

    image_px: int = setting(
        512, source="reference: training.md#fine-tuning-recipe: Huang recipe", unit="px", ge=16
    )
    patch_image_px: int = setting(
        512, source="code: CoMCL/tools/crop.py, patches of 128 on 512", unit="px", ge=16
    )
    validation_share: float = setting(
        0.1, source="assumed: the paper names no validation split", gt=0, lt=0.5
    )
    test_share: float = setting(
        0.3, source="assumed: for a folder whose labels.csv has no split column", gt=0, lt=0.9
    )
    data_seed: int = setting(0, source="assumed: the paper gives no seed", ge=0)
    seed_follows_run: bool = setting(
        False,
        source="assumed: True draws validation split, degraded images and their degradations by "
        "the run's seed, alike for all methods; which images are tested stays data_seed's",
    )
    folds: int | None = setting(
        None,
        source="assumed: one split; k of a set that names no test images makes seed s fold s mod k "
        "of repeat s div k",
        ge=2,
    )
    limit: int | None = setting(None, source="assumed: all images", unit="images", ge=20)
    shuffle_labels: bool = setting(False, source="assumed: a control, kappa must be near 0")
    modality: Literal["fundus", "chest"] | None = setting(
        None,
        source="assumed: of a folder, what its dataset.toml says, else fundus; what is made of the "
        "images is hashed",
    )
    columns: str | None = setting(
        None,
        source="assumed: a folder's labels.csv calls them image, label, ...; else image=NAME,"
        "label=NAME; the labels are hashed",
    )
    twin_train: int = setting(1254, source="assumed: a tenth of EyeQ", unit="images", ge=40)
    twin_test: int = setting(1625, source="assumed: a tenth of EyeQ", unit="images", ge=40)
    twin_px: int = setting(256, source="assumed: 128-px patches on 512 become 64", unit="px", ge=64)

    def choice_seed(self, run_seed: int) -> int:
        """The seed of all choices that `seed_follows_run` lets follow the run's."""
        return run_seed if self.seed_follows_run else self.data_seed


class QualitySettings(SettingsGroup):
    """How the quality of photographs is known; that of NIH's radiographs is `chest.quality`."""

    source: Literal["given"] = setting(
        "given", source="paper 3.1: labels of quality; assumed: good where a set has none"
    )


class DegradationSettings(SettingsGroup):
    """How high-quality images are made low-quality until the ratio is reached."""

    model: Literal["mix", "cofe", "cataract", "gfe_map"] = setting(
        "mix", source="assumed: paper 3.2 names both models and no mixture (D32)"
    )
    strength: float = setting(1.0, source="paper 3.2: the models as published", ge=0, le=10)
    size_variant: Literal["512", "1024"] = setting(
        "512", source="reference: degradations.md#the-published-script: cofe-Net's own size"
    )
    blur_px: int | None = setting(
        None,
        source="assumed: size_variant; side of the square whose pixels cofe-Net's blur counts",
        unit="px",
        ge=16,
    )
    apply_to: Literal["both", "train", "test"] = setting(
        "both", source="assumed: 'degrading all images' (D30)"
    )


WEIGHTS = ("random", "imagenet", "efficientnet-lite0")
"""First weights that have a name; all others are a file."""


class InitSettings(SettingsGroup):
    """What the backbone starts from."""

    weights: str = setting(
        "imagenet", source="code: CoMCL/modules.py (D1); imagenet|random|efficientnet-lite0|FILE"
    )


class BackboneSettings(SettingsGroup):
    """The network that all methods share; plain classifiers keep their family."""

    name: str = setting("resnet50", source="paper 3.1")
    inception: str = setting("inception_v3", source="paper 3.2")
    densenet: str = setting("densenet121", source="paper 3.2")
    channels: tuple[int, ...] | None = setting(
        None, source="assumed: the published widths; small protocols narrow the ResNet"
    )
    stem_width: int | None = setting(
        None, source="assumed: the published stem; small protocols narrow the ResNet's", ge=4
    )


class PretrainingSettings(SettingsGroup):
    """What every contrastive method gets."""

    epochs: int = setting(800, source="paper 3.1", ge=1)
    epoch_over: Literal["lesion_images", "all_images"] = setting(
        "lesion_images", source="assumed: at a quarter of the batch; no epoch is defined (D59)"
    )
    batch: int = setting(400, source="paper 3.1; 100 a level (D19)", unit="patches", ge=4)
    optimizer: Literal["adam", "sgd"] = setting("adam", source="paper 3.1 (D17)")
    lr: float = setting(1e-3, source="paper 3.1", gt=0)
    momentum: float = setting(0.9, source="paper 3.1, read as Adam's beta1 (D18)", ge=0, lt=1)
    nesterov: bool = setting(True, source="code: CoMCL/config.py; SGD alone reads it")
    weight_decay: float = setting(
        5e-4, source="code: CoMCL/config.py 69-78, for r(w) of paper 2.2, Eq. 3 (D61)", ge=0
    )
    schedule: Schedule = setting("constant", source="assumed: none is stated (D60)")
    augmentation: Literal["contrastive", "moco_v1"] = setting(
        "contrastive", source="code: CoMCL/data.py 96-117"
    )
    temperature: float = setting(0.07, source="paper 3.1", gt=0)
    key_momentum: float = setting(0.999, source="code: CoMCL/modules.py", ge=0, le=1)
    queue: int = setting(7200, source="code: CoMCL/modules.py:160", unit="keys a level", ge=1)


class FinetuningSettings(SettingsGroup):
    """What every supervised path gets."""

    epochs: int = setting(
        25, source="reference: training.md#fine-tuning-recipe: Huang recipe", ge=1
    )
    patience: int | None = setting(
        None,
        source="assumed: the recipe trains all epochs; N ends a phase that has learnt, once N "
        "epochs in a row have brought no better validation score",
        unit="epochs",
        ge=1,
    )
    patience_share: float = setting(
        0.0,
        source="assumed: with `patience`, this share of the epochs trained has to have brought no "
        "better score as well, so that the best epoch lies before it",
        ge=0,
        lt=1,
    )
    batch: int = setting(
        16, source="reference: training.md#fine-tuning-recipe", unit="images", ge=2
    )
    accumulation: int = setting(1, source="assumed: the batch fits", unit="micro-batches", ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = setting(
        "sgd", source="reference: training.md#fine-tuning-recipe"
    )
    lr: float = setting(1e-3, source="reference: training.md#fine-tuning-recipe", gt=0)
    momentum: float = setting(0.9, source="reference: training.md#fine-tuning-recipe", ge=0, lt=1)
    nesterov: bool = setting(
        True, source="reference: training.md#fine-tuning-recipe; SGD alone reads it"
    )
    weight_decay: float = setting(5e-4, source="reference: training.md#fine-tuning-recipe", ge=0)
    schedule: Schedule = setting("cosine", source="reference: training.md#fine-tuning-recipe")
    warmup_share: float = setting(
        0.0, source="reference: training.md#fine-tuning-recipe: none", ge=0, lt=1
    )
    loss: Literal["classification", "regression"] = setting(
        "classification",
        source="assumed: every baseline has it; the recipe's own is regression "
        "(docs/reference/training.md#regression)",
    )
    select: Literal["best", "last"] = setting(
        "best", source="reference: training.md#fine-tuning-recipe: best validation kappa"
    )
    augmentation: Literal["finetune", "lanet", "cabnet", "flips", "none"] = setting(
        "finetune", source="reference: training.md#fine-tuning-recipe"
    )


class NormalisationSettings(SettingsGroup):
    """Channel statistics that inputs are normalised with."""

    mean: tuple[float, float, float] = setting(
        (0.4258, 0.2974, 0.2129), source="code: Downstream Task (D45)"
    )
    std: tuple[float, float, float] = setting(
        (0.2767, 0.2024, 0.1686), source="code: Downstream Task (D45)"
    )


class EngineSettings(SettingsGroup):
    """Arithmetic that can change a number."""

    precision: Literal["fp32", "bf16", "fp16"] = setting("bf16", source="assumed: speed")
    channels_last: bool = setting(True, source="assumed: speed")
    threads: int = setting(2, source="assumed: CPU threads; sums depend on their number", ge=1)


class Protocol(SettingsGroup):
    """All settings of a run that are not its method, data set, ratio and seed."""

    data: DataSettings = DataSettings()
    quality: QualitySettings = QualitySettings()
    degradation: DegradationSettings = DegradationSettings()
    patches: PatchSettings = PatchSettings()
    detector: DetectorSettings = DetectorSettings()
    init: InitSettings = InitSettings()
    backbone: BackboneSettings = BackboneSettings()
    pretraining: PretrainingSettings = PretrainingSettings()
    finetuning: FinetuningSettings = FinetuningSettings()
    normalisation: NormalisationSettings = NormalisationSettings()
    chest: ChestSettings = ChestSettings()
    comcl: CoMCLSettings = CoMCLSettings()
    inception: InceptionSettings = InceptionSettings()
    densenet: DensenetSettings = DensenetSettings()
    mmcnn: MmcnnSettings = MmcnnSettings()
    zoom_in_net: ZoomInNetSettings = ZoomInNetSettings()
    cabnet: CabnetSettings = CabnetSettings()
    lanet: LanetSettings = LanetSettings()
    deepmt_dr: DeepmtDrSettings = DeepmtDrSettings()
    lesion_aware: LesionAwareSettings = LesionAwareSettings()
    moco: MoCoSettings = MoCoSettings()
    engine: EngineSettings = EngineSettings()


def with_values(protocol: Protocol, values: Mapping[str, Any]) -> Protocol:
    """The protocol with values put in by "group.field".

    Raises:
        ValidationError: for a value that its setting does not take.
    """
    dumped = protocol.model_dump()
    for key, value in values.items():
        group, _, field = key.partition(".")
        dumped[group][field] = value
    return Protocol.model_validate(dumped)
