"""`--settings original`: what each method's own paper or code says, over the common protocol.

A small protocol keeps its budget (sizes, epochs, batches, widths, first weights); what is left of
a method's own settings there are its optimizer, schedule, augmentation and options. A method whose
code is public names all of them here, so that none is taken from a small protocol unsaid.
"""

from typing import Any

SourcedValue = tuple[Any, str]

LCL = "code: YijinHuang/Lesion-based-Contrastive-Learning at 422c85e, config.py"
IMAGE = "code: IntelliDAL/Image at 3913b63, Contrastive Learning/config.py"
CABNET = "code: he2016012996/CABnet at 50ba177, train.py"
LANET = "code: FDU-VTS/LANet at 1cf6db7, train.sh, main_lanet.py and ddrdataset.py"
MOCO = "code: facebookresearch/moco, main_moco.py"
DEEPMT = "code: XiaofeiWang2018/DR at 2f6deb7"
DEEPMT_FIRST = f"{DEEPMT}, train_stage1_1.py"
NO_SOURCE = "assumed: no code and no full text is public"
RECIPE = "reference: training.md#fine-tuning-recipe"
NO_GRADER = "assumed: no classifier is published; docs/reference/training.md#fine-tuning-recipe"

_HUANG_PRETRAINING: dict[str, Any] = {
    "pretraining.optimizer": "sgd",
    "pretraining.lr": 0.02,
    "pretraining.momentum": 0.9,
    "pretraining.nesterov": True,
    "pretraining.weight_decay": 5e-4,
    "pretraining.schedule": "cosine",
    "pretraining.augmentation": "contrastive",
    "pretraining.temperature": 0.07,
}
_HUANG_FINETUNING: dict[str, Any] = {
    "finetuning.optimizer": "sgd",
    "finetuning.lr": 1e-3,
    "finetuning.momentum": 0.9,
    "finetuning.nesterov": True,
    "finetuning.weight_decay": 5e-4,
    "finetuning.schedule": "cosine",
    "finetuning.warmup_share": 0.0,
    "finetuning.augmentation": "finetune",
    "finetuning.epochs": 25,
    "finetuning.batch": 16,
}
_ADAM: dict[str, Any] = {
    "finetuning.optimizer": "adam",
    "finetuning.momentum": 0.9,
    "finetuning.nesterov": False,
    "finetuning.weight_decay": 0.0,
    "finetuning.warmup_share": 0.0,
}


def _from(source: str, values: dict[str, Any]) -> dict[str, SourcedValue]:
    return {key: (value, source) for key, value in values.items()}


ORIGINAL: dict[str, dict[str, SourcedValue]] = {
    "inception-v3": _from("assumed: Szegedy et al. 2016, from memory", {"inception.image_px": 299}),
    "mmcnn": {
        "backbone.name": ("inception_resnet_v2", NO_SOURCE),
        "finetuning.epochs": (35, "assumed: 10, 10 and 15 in the three stages"),
    },
    "zoom-in-net": {
        "backbone.name": ("inception_resnet_v2", NO_SOURCE),
        "finetuning.epochs": (50, "assumed: 25, 5, 15 and 5 in the four phases"),
        "finetuning.batch": (8, NO_SOURCE),
    },
    "lesion-base-cl": _from(
        LCL, {**_HUANG_PRETRAINING, "pretraining.epochs": 1000, "pretraining.batch": 786}
    )
    | _from(f"{RECIPE}: the repository's README names it", _HUANG_FINETUNING)
    | {"finetuning.loss": ("regression", "code: LCL README: one output; pytorch-classification")},
    "cabnet": _from(CABNET, {**_ADAM, "finetuning.lr": 1e-4, "finetuning.batch": 16})
    | {
        "backbone.name": ("densenet121", CABNET),
        "finetuning.epochs": (71, f"{CABNET}: 1 with the backbone frozen, 70 with all"),
        "finetuning.schedule": ("inverse_time", f"{CABNET}: Keras's decay of 1e-5 a step"),
        "finetuning.augmentation": ("cabnet", CABNET),
    },
    "deepmt-dr": {
        "finetuning.optimizer": ("adam", DEEPMT),
        "finetuning.lr": (5e-5, DEEPMT),
        "finetuning.epochs": (300, f"{DEEPMT}, in each of the two phases that grade"),
        "finetuning.batch": (2, f"{DEEPMT}; the joint phase has 1"),
        "finetuning.schedule": ("constant", DEEPMT),
        "data.image_px": (1024, DEEPMT),
        "backbone.name": ("resnet18", f"{DEEPMT}, network.py"),
        "deepmt_dr.upscale": (4, "code: XiaofeiWang2018/DR, README at 290cf0f; the scripts say 8"),
        "deepmt_dr.sr_lr": (5e-5, DEEPMT_FIRST),
        "deepmt_dr.sr_steps": (
            30_000,
            "assumed: the code's 30,000 epochs would be millions of steps; its next stages load "
            "the weights of epoch 180, on DDR some 34,000",
        ),
        "deepmt_dr.sr_crop_px": (256, f"{DEEPMT_FIRST}, Crop_factor 4 of 1024"),
        "deepmt_dr.sr_segmentation_weight": (2.0, f"{DEEPMT_FIRST}: two backward passes, no zero"),
    }
    | _from(DEEPMT, {**_ADAM, "finetuning.augmentation": "none"}),
    "lesion-aware-cl": _from(
        IMAGE,
        {
            **_HUANG_PRETRAINING,
            "pretraining.epochs": 1600,
            "pretraining.batch": 120,
            "pretraining.queue": 14400,
            "pretraining.key_momentum": 0.999,
        },
    )
    | _from(f"{RECIPE}: its own batch and size are of another task", _HUANG_FINETUNING)
    | {
        "lesion_aware.healthy_pool": (
            "false_positives",
            "code: IntelliDAL/Image at 3913b63, Contrastive Learning/load_healthy_picture.ipynb",
        )
    },
    "lanet": _from(
        LANET,
        {
            "finetuning.optimizer": "sgd",
            "finetuning.lr": 1e-3,
            "finetuning.momentum": 0.9,
            "finetuning.nesterov": False,
            "finetuning.weight_decay": 1e-5,
            "finetuning.schedule": "poly",
            "finetuning.warmup_share": 0.0,
            "finetuning.augmentation": "lanet",
            "finetuning.batch": 32,
            "lanet.loss_weights": "adaptive",
            "normalisation.mean": (0.426, 0.298, 0.213),
            "normalisation.std": (0.277, 0.203, 0.169),
        },
    )
    | {"finetuning.epochs": (200, f"{LANET}: of a ResNet50 with adaptive weights; 100 if fixed")},
    "moco": _from(
        MOCO,
        {
            "pretraining.optimizer": "sgd",
            "pretraining.lr": 0.03,
            "pretraining.momentum": 0.9,
            "pretraining.nesterov": False,
            "pretraining.weight_decay": 1e-4,
            "pretraining.schedule": "step",
            "pretraining.augmentation": "moco_v1",
            "pretraining.temperature": 0.07,
            "pretraining.key_momentum": 0.999,
            "pretraining.batch": 256,
            "pretraining.epochs": 200,
            "pretraining.queue": 65536,
            "init.weights": "random",
            "moco.image_px": 224,
            "moco.head": "linear",
            "moco.groups": 8,
            "moco.negatives": "queue",
        },
    )
    | _from(NO_GRADER, _HUANG_FINETUNING),
}
"""Methods that are not here have no settings of their own that differ from the common ones."""

# The followers of a few steps need a shorter memory, hence key_momentum.
BUDGET = (
    "image_px",
    "resolutions",
    "low_px",
    "crop_px",
    "epochs",
    "patience",
    "patience_share",
    "batch",
    "queue",
    "key_momentum",
    "weights",
    "name",
    "upscale",
    "sr_steps",
    "sr_crop_px",
)


def changes(method: str, protocol_name: str) -> dict[str, SourcedValue]:
    """The settings that `--settings original` changes for a method under a protocol.

    Args:
        method: Roster name.
        protocol_name: paper takes all of them; a small one keeps its budget.
    """
    published = ORIGINAL.get(method, {})
    if protocol_name == "paper":
        return published
    return {key: change for key, change in published.items() if key.partition(".")[2] not in BUDGET}
