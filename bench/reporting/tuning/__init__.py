"""What was tried of each method, and what was chosen on validation images."""
