"""The settings that belong to one method each: the switches of its open questions.

They enter the identity of that method's runs alone.
"""

from typing import Literal

from bench.protocol.fields import SettingsGroup, setting


class CoMCLSettings(SettingsGroup):
    """The paper's open questions that are switches of the method itself."""

    head: Literal["mlp", "linear", "none"] = setting("mlp", source="code: modules.py (D3)")
    negatives: Literal["queue", "batch"] = setting("queue", source="code: modules.py (D7)")
    own_level_negatives: Literal["no", "yes"] = setting(
        "no", source="paper 2.1, Eq. 1: the sum runs over the other level (D6)"
    )
    topk: Literal["cosine", "off"] = setting("cosine", source="paper 2.2, Eq. 2")
    k_rule: Literal["floor", "literal"] = setting(
        "floor", source="assumed: as printed K_t reaches 0 (D10)"
    )
    k_min: int = setting(1, source="assumed: smallest count that keeps a negative (D10)", ge=1)
    k_direction: Literal["fall", "rise", "constant"] = setting("fall", source="paper 2.2 (D12)")
    topk_scope: Literal["row", "global"] = setting(
        "row", source="assumed: as Eq. 2 must mean (D16)"
    )
    spl: Literal["quantile", "literal", "kumar", "rescaled", "off"] = setting(
        "quantile",
        source="assumed: Eq. 3 as printed selects nothing (D13, "
        "docs/reference/methods.md#the-schedule-in-numbers)",
    )
    spl_losses: Literal["current", "previous"] = setting(
        "current", source="assumed: 'the previous loss', read as before the update (D58)"
    )
    mining_starts: float = setting(
        0.0,
        source="assumed: paper 2 has phases, and Eq. 2 none (D62)",
        unit="of pretraining",
        ge=0,
        lt=1,
    )
    empty_level: Literal["drop_loss", "paired_clean", "error"] = setting(
        "drop_loss", source="assumed: at 100 % two of three losses are undefined (D31)"
    )
    no_spl_removes: Literal["both", "topk", "spl"] = setting(
        "both", source="paper 3.3: 'without considering hard negatives' (D39)"
    )
    no_multilevel_pool: Literal["all", "high_quality"] = setting(
        "all", source="assumed: quality ignored (D40)"
    )
    la_role: Literal["negative", "positive", "off", "reversed"] = setting(
        "negative", source="paper 2.1 as printed (D55)"
    )
    loss_weights: tuple[float, float, float] = setting(
        (1.0, 1.0, 1.0), source="assumed: the total loss is not written (D9)"
    )


class InceptionSettings(SettingsGroup):
    """Inception-v3's own size: the network needs 75 px."""

    image_px: int = setting(512, source="reference: methods.md#inception-v3", unit="px", ge=75)
    narrow: int = setting(1, source="paper 3.2: the published widths", unit="divides widths", ge=1)


class DensenetSettings(SettingsGroup):
    """DenseNet-121's own size."""

    growth_rate: int = setting(32, source="paper 3.2: as published", ge=2)
    block_config: tuple[int, ...] = setting((6, 12, 24, 16), source="paper 3.2: as published")


class MmcnnSettings(SettingsGroup):
    """MMCNN's own settings; neither code nor full text is public.

    Source: docs/reference/methods.md#mmcnn.
    """

    image_px: int = setting(
        720, source="assumed: its largest resolution, which is its idea", unit="px", ge=32
    )
    resolutions: tuple[int, int, int] = setting(
        (224, 448, 720),
        source="assumed: from memory (docs/reference/methods.md#mmcnn)",
        unit="px",
    )
    mtl_target: Literal["severity", "none"] = setting(
        "severity", source="reference: methods.md#mmcnn"
    )
    lengths: tuple[float, float, float] | None = setting(
        None,
        source="assumed: 2/7, 2/7 and 3/7 (docs/reference/methods.md#mmcnn); else those of low, "
        "middle and high",
        unit="classifier trainings",
    )
    regression_weight: float = setting(1.0, source="assumed: docs/reference/methods.md#mmcnn", ge=0)
    predict: Literal["argmax", "rounded", "combined"] = setting(
        "argmax", source="reference: methods.md#mmcnn"
    )


class ZoomInNetSettings(SettingsGroup):
    """Zoom-in-Net's own settings; neither code nor full text is public.

    Source: docs/reference/methods.md#zoom-in-net.
    """

    image_px: int = setting(
        1230,
        source="assumed: what it zooms into is its idea (docs/reference/methods.md#zoom-in-net)",
        unit="px",
        ge=32,
    )
    low_px: int = setting(
        492, source="assumed: from memory, as image_px; the whole image of M-Net", unit="px", ge=16
    )
    crop_px: int = setting(
        384, source="assumed: from memory, as image_px; the crops of C-Net", unit="px", ge=16
    )
    lengths: tuple[float, float, float, float] | None = setting(
        None,
        source="assumed: 0.5, 0.1, 0.3 and 0.1 (docs/reference/methods.md#zoom-in-net); else "
        "those of main, attention, crop and joint",
        unit="classifier trainings",
    )
    attention_width: int = setting(
        256, source="assumed: docs/reference/methods.md#zoom-in-net", ge=1
    )
    predict: Literal["crop", "mean"] = setting(
        "crop", source="assumed: docs/reference/methods.md#zoom-in-net"
    )


class CabnetSettings(SettingsGroup):
    """CABNet's own settings."""

    detectors_per_class: int = setting(5, source="code: CABnet train.py, k", ge=1)


class LanetSettings(SettingsGroup):
    """LANet's own settings."""

    loss_weights: Literal["fixed", "adaptive"] = setting(
        "adaptive", source="code: LANet main_lanet.py; the adaptive runs are the longer ones"
    )


class DeepmtDrSettings(SettingsGroup):
    """DeepMT-DR's own settings."""

    width: int = setting(64, source="code: network.py", unit="channels of Seg_Net", ge=2)
    sr_channels: int = setting(32, source="code: network.py", unit="channels of ISR_Net", ge=2)
    upscale: int = setting(
        2,
        source="assumed: 256 px of low resolution, as in the README at 290cf0f, of 512-px images",
        ge=2,
    )
    hidden: int = setting(512, source="code: network.py", ge=1)
    sr_optimizer: Literal["adam", "adamw", "sgd"] = setting(
        "adam",
        source="code: train_stage1_1.py, of the phase that trains super-resolution and "
        "segmentation; a classifier's SGD leaves it below one constant colour",
    )
    sr_lr: float = setting(
        1e-3, source="assumed: the code's 5e-5 is for some fifty times as many steps", gt=0
    )
    sr_weight_decay: float = setting(0.0, source="code: train_stage1_1.py", ge=0)
    sr_steps: int | None = setting(
        None,
        source="assumed: as many as a classifier's training has; else so many, in whole epochs",
        unit="steps",
        ge=1,
    )
    sr_crop_px: int | None = setting(
        None, source="assumed: the whole image, which here is small", unit="px", ge=16
    )
    sr_segmentation_weight: float = setting(
        1.0,
        source="code: train_stage1_1.py, sr_loss_factor; its two backward passes make it 2 in "
        "super-resolution's gradient",
        ge=0,
    )


class LesionAwareSettings(SettingsGroup):
    """Lesion-aware CL's own settings."""

    healthy_per_lesion: int = setting(3, source="code: Contrastive Learning, r", ge=1)
    healthy_pool: Literal["random_crops", "false_positives"] = setting(
        "random_crops",
        source="assumed: as every method's (D26); its notebook takes the detector's false boxes "
        "(docs/reference/methods.md#lesion-aware-cl)",
    )
    teacher_only: bool = setting(
        False,
        source="reference: methods.md#lesion-aware-cl: the method has both; the student is "
        "repaired",
    )
    lengths: tuple[float, float] | None = setting(
        None,
        source="assumed: teacher and student share one pretraining; else those of the two",
        unit="pretrainings",
    )
    distillation_share: float = setting(0.1, source="code: student_train.py", ge=0, le=1)
    distillation_temperature: float = setting(4.0, source="code: student_train.py", gt=0)


class MoCoSettings(SettingsGroup):
    """MoCo's own settings, the paper's Basic CL."""

    image_px: int | None = setting(
        None,
        source="assumed: whole images shrink to patches.size_px, so that all contrastive methods "
        "see as many pixels (D41)",
        unit="px",
        ge=16,
    )
    head: Literal["mlp", "linear"] = setting("mlp", source="code: CoMCL/modules.py (D41)")
    groups: int = setting(
        1, source="code: CoMCL/modules.py, no shuffling", unit="parts with own statistics", ge=1
    )
    negatives: Literal["queue", "batch"] = setting(
        "queue",
        source="code: CoMCL/modules.py; 'batch' as in version 3, arXiv:2104.02057, which has no "
        "queue (docs/reference/methods.md#basic-cl-moco)",
    )
