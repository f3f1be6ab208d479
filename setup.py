"""Install script of cdae_jax."""

import pathlib

import setuptools

HERE = pathlib.Path(__file__).parent
CHAMBERS = ["causalchamber>=0.2.8", "numpy<2.5"]  # 2.5 refuses vectors of two numbers in np.cross
DOCS = ["mkdocs-material>=9.6,<10", "mkdocstrings[python]>=0.30,<2"]

setuptools.setup(
    name="cdae_jax",
    version="0.2.0",
    description="Counterfactual image generation with causal diffusion autoencoders in JAX/Flax",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    project_urls={"Paper": "https://arxiv.org/abs/2404.17735"},
    keywords=["causal representation learning", "counterfactuals", "diffusion models", "JAX", "Flax"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: GPU",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    packages=setuptools.find_packages(include=["cdae_jax", "cdae_jax.*"]),
    package_data={"cdae_jax": ["models/*.cdae", "py.typed"]},
    entry_points={"console_scripts": ["cdae = cdae_jax.commands.main:main"]},
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=2.1",
        "array_record>=0.8",
        "chex>=0.1.90",
        "flatbuffers>=24.3",  # jax.export serialises with it and does not ask for it
        "flax>=0.12.0,<0.13",
        "grain>=0.2.12",
        "importlib_resources",  # tensorflow-datasets imports it and does not ask for it
        "jax>=0.10.0,<0.13",
        "matplotlib>=3.9",
        "ml-collections>=1.0",
        "networkx>=3.2",
        "numpy>=2.0",
        "openpyxl>=3.1",
        "optax>=0.2.5",
        "orbax-checkpoint>=0.12.0,<0.13",
        "pandas>=2.2",
        "pillow>=10",
        "pyarrow>=16",
        "safetensors>=0.5",
        "scikit-image>=0.24",
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "tensorboardX>=2.6",
        "tensorflow-datasets>=4.9.9",
        "threadpoolctl>=3.1",
        "tqdm>=4.66",
    ],
    extras_require={
        "test": [
            "causal-learn>=0.1.4",
            *CHAMBERS,
            "gradio>=6.0,<7",
            "huggingface_hub>=0.30",
            "ipykernel>=6.29",
            "keras>=3.10",
            *DOCS,
            "nbconvert>=7.16",
            "pytest>=8.0",
            "pytest-xdist>=3.6",
            "ruff==0.17.6",
            "selenium>=4.20",
            "setuptools>=68",
            "tensorboard>=2.18",
        ],
        "inception": ["keras>=3.10"],
        "discovery": ["causal-learn>=0.1.4"],
        "chambers": CHAMBERS,
        "hub": ["huggingface_hub>=0.30"],
        "docs": DOCS,
        "app": ["gradio>=6.0,<7"],
        # The accelerator builds of jax; pick the one that fits the machine.
        "cuda": ["jax[cuda13]>=0.10.0,<0.13"],
        "tpu": ["jax[tpu]>=0.10.0,<0.13"],
    },
)
