"""From a run context to stages: one function per kind of method."""
