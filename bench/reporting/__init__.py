"""Pages out: tables, status and lists from records; imports no torch."""
