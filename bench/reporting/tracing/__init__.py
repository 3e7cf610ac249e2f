"""Where a number comes from: explain, export, verify, compare with a rerun."""
