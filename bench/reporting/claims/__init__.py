"""What the paper claims, and whether the runs support it."""
