"""A page in the browser about a trained model."""

from cdae_jax.explorer import surroundings

surroundings.keep_files_apart()  # before Gradio is imported, which looks then
