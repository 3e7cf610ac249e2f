"""Pictures by number, and a store of them, to see which were made and whether each is right."""

import numpy as np

KEYS = [f"k{i}" for i in range(12)]
RECIPE = {"kind": "test", "size_px": 4}


def picture(i):
    return np.full((4, 4, 3), i, np.uint8), {"number": i}


def nobody(_):
    """Whom nobody asked to be told."""


class Counting:
    """Makes pictures, and notes which."""

    def __init__(self, make=picture):
        self.make, self.made = make, []

    def __call__(self, i):
        self.made.append(i)
        return self.make(i)


def images(store, keys):
    return store.images(keys, lambda i: picture(int(keys[i][1:])), nobody)


def right(store, keys=KEYS):
    """Whether each key has its own picture and details."""
    found = store.rows()
    level = [int(key[1:]) for key in keys]
    pictures = images(store, keys)[np.arange(len(keys))]
    return [found[key].details["number"] for key in keys] == level and (
        pictures == np.array(level, np.uint8)[:, None, None, None]
    ).all()
