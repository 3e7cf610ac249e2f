"""Scores out: predictions of a trained model, and metrics of stored predictions."""
