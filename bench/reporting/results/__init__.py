"""Runs, their scores, published numbers and verdicts: what every page is made from."""
