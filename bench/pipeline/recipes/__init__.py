"""From a run context to stages: one function per kind of method, named by the roster."""
