"""The augmentations that settings name, each as released code has it.

Source: docs/reference/training.md#augmentation.
"""

from bench.training.augment import Augmentation

# Source: CoMCL's released data.py, lines 96-117.
CONTRASTIVE = Augmentation(
    flip_horizontal=0.5,
    flip_vertical=0.5,
    rotation_deg=180,
    scale=(0.8, 1.2),
    aspect_ratio=(0.8, 1.2),
    translate=0.2,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    grayscale=0.2,
)
# Source: facebookresearch/moco, main_moco.py, without --aug-plus; torchvision's default aspect.
MOCO_V1 = Augmentation(
    flip_horizontal=0.5,
    scale=(0.2, 1.0),
    aspect_ratio=(3 / 4, 4 / 3),
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.4,
    grayscale=0.2,
)
# Source: Huang et al. 2021, arXiv 2110.14160, as in the released eyepacs.yaml.
FINETUNE = Augmentation(
    flip_horizontal=0.5,
    flip_vertical=0.5,
    rotation_deg=180,
    scale=(0.87, 1.15),
    aspect_ratio=(0.7, 1.3),
    translate=0.2,
    brightness=0.2,
    contrast=0.2,
)
# Source: FDU-VTS/LANet, ddrdataset.py, where translation, colours and gray are commented out.
LANET = Augmentation(
    flip_horizontal=0.5,
    flip_vertical=0.5,
    rotation_deg=180,
    scale=(0.8, 1.2),
    aspect_ratio=(0.8, 1.2),
)
# Source: he2016012996/CABnet, train.py: Keras's rotation_range=90, any angle up to that.
CABNET = Augmentation(flip_horizontal=0.5, flip_vertical=0.5, rotation_deg=90)
FLIPS = Augmentation(flip_horizontal=0.5, flip_vertical=0.5)
NONE = Augmentation()

AUGMENTATIONS = {
    "contrastive": CONTRASTIVE,
    "moco_v1": MOCO_V1,
    "finetune": FINETUNE,
    "lanet": LANET,
    "cabnet": CABNET,
    "flips": FLIPS,
    "none": NONE,
}
"""By the names that `pretraining.augmentation` and `finetuning.augmentation` have for them."""
