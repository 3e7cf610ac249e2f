"""Lesion boxes of a run: where they come from, and the detector that finds them."""
