"""Seeds by purpose: every random choice has a name, and its seed is a hash of that name.

What must be shared between methods (splits, degradations, the choice of images) leaves the
method and the run's seed out, so that differences between methods are paired.
"""

import hashlib
import json

import numpy as np


def seed_for(*purpose: str | int | float) -> int:
    """A seed in [0, 2**63) that depends on every part of the purpose and on nothing else.

    >>> seed_for(0, "order", 3) == seed_for(0, "order", 3)
    True
    >>> seed_for(0, "order", 3) == seed_for(0, "order", "3")
    False
    """
    text = json.dumps(purpose, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator_for(*purpose: str | int | float) -> np.random.Generator:
    """A counter-based NumPy generator: the same numbers on every machine, in any order of use."""
    return np.random.Generator(np.random.Philox(seed_for(*purpose)))
