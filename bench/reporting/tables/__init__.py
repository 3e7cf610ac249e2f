"""The paper's tables from the records."""
