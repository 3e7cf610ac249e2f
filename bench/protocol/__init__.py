"""What can change a number, and why it has its value: settings, presets, open questions."""
