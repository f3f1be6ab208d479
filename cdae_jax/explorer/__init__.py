"""A page in the browser about a trained model."""
