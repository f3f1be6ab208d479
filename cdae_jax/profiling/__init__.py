"""How fast a config runs, and what it would need elsewhere."""
