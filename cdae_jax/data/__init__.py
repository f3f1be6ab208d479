"""Datasets: images, labels in physical units, and the causal graph of each."""
