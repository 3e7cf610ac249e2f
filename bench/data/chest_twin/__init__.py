"""Drawn chest radiographs with known findings, in ChestX-ray14's format: no download."""

from bench.data.chest_twin.write import write_chestxray

__all__ = ["write_chestxray"]
