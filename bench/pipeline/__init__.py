"""How one run comes about: a request resolved, its context, its stages, what is kept of it."""
