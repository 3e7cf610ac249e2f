"""For what costs a whole run: a method of each kind, or all of them with BENCH_LONG."""

import os

from bench.roster import METHODS


def unlike_methods() -> list[str]:
    """The first method of each recipe and network; the rest differ by a backbone or a term."""
    if "BENCH_LONG" in os.environ:
        return list(METHODS)
    first: dict[tuple[str, str], str] = {}
    for name, method in METHODS.items():
        first.setdefault((method.recipe, method.component), name)
    return list(first.values())
