"""What `cdae` and `experiments/` run: flags in, one sentence out where they are wrong."""
