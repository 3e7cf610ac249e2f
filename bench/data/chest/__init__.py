"""ChestX-ray14 as downloaded: files, label lists, qualities, and which images a run uses."""
