"""Trained models as their users meet them."""
