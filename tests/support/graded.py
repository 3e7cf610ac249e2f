"""Made-up graders: patients with one image or a few, and models that err alike and apart."""

import numpy as np


def patients_of(rng, images):
    """(N,) patient numbers: about two thirds of the images share their patient with another."""
    starts = np.cumsum(rng.random(images) < 0.6)
    return starts - starts[0]


def graded(seed, images=600, models=2, classes=5, patients=None):
    """Labels (N,), grades (M, N) and patients (N,); images of a patient resemble each other."""
    rng = np.random.default_rng(seed)
    patient = patients_of(rng, images) if patients is None else patients
    severity = 1.5 * rng.standard_normal(patient.max() + 1)[patient]
    labels = np.clip(np.round(severity + 1.2), 0, classes - 1).astype(int)
    shared = 0.6 * rng.standard_normal(patient.max() + 1)[patient]
    noise = shared + rng.standard_normal((models, images)) * np.linspace(0.5, 0.9, models)[:, None]
    grades = np.clip(np.round(severity + 1.2 + noise), 0, classes - 1).astype(int)
    return labels, grades, patient


def certain(grades, classes=5):
    """(N, C) probabilities that give these grades, ties nowhere."""
    return np.full((len(grades), classes), 0.1) + 0.5 * np.eye(classes)[grades]
