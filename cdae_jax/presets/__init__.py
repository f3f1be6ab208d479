"""Sizes, methods and datasets as plain data: what config files share."""
