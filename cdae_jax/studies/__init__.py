"""Comparisons of models and of ways to decode."""
