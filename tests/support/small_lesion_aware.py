"""A small teacher, and a student that it has taught."""

from typing import Any

import torch
from small_contrast import NETWORK, alike, train
from torch import Tensor

from baselines.lesion_aware_cl import LesionAwareCL

LEVELS = [0, 2, 2, 3, 1, 3, 2, 2]


def tiny(phase: str = "teacher", seed: int = 0, **options: Any) -> LesionAwareCL:
    torch.manual_seed(seed)
    keywords: dict[str, Any] = NETWORK | {"queue_size": 20, "embedding_size": 8} | options
    return LesionAwareCL(phase=phase, **keywords)


def taught(steps: int = 3, **options: Any) -> LesionAwareCL:
    """A student that has just been given a teacher who has learned something."""
    teacher = tiny(seed=5, momentum=0.9)
    train(teacher, [alike(LEVELS, seed=step) for step in range(steps)])
    student = tiny("student", **options)
    student.transfer(teacher.state_dict())
    return student


def loss_at(model: LesionAwareCL, batch: dict[str, Tensor]) -> float:
    return model.loss(batch, step=0, total_steps=10)[0].item()


def logged(model: LesionAwareCL, batch: dict[str, Tensor]) -> dict[str, float]:
    _, logs = model.loss(batch, step=0, total_steps=10)
    return {name: float(value) for name, value in logs.items()}


def frozen(model: LesionAwareCL) -> dict[str, Tensor]:
    assert model.teacher is not None
    return {k: v.clone() for k, v in model.teacher.encoders.state_dict().items()}
