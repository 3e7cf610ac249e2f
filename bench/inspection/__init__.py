"""What is in a download: checks, contact sheets, and texts for a terminal."""
