"""A run as frozen dataclasses, and the checks of them."""
