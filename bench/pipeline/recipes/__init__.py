"""From a run's context to stages: one function per kind of method, named by the roster."""
