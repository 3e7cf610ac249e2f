"""Weights out: the one loop and what it calls."""
