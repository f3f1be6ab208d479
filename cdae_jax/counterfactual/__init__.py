"""Abduction, action, prediction."""
