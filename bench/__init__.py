"""The harness: from a protocol to a table with verdicts."""
