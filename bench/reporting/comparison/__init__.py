"""Two methods, or two runs, side by side: how they differ and how sure that is."""
