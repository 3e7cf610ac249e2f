"""Which open question moves the result, and by how much."""
