"""From settings to a trained workdir."""
