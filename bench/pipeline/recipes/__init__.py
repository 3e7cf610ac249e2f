"""From materials to stages: one function a kind of method."""
