"""How often verdicts and claims are right in simulated studies whose truth is known."""
