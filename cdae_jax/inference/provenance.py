"""Where numbers come from: the commit and a hash of this code, and a hash of the parameters."""

import hashlib
import pathlib
import subprocess

import jax
import numpy as np


def revision() -> str | None:
    """The commit of this code, with "+" if files differ from it; None outside a git checkout, as for an installed copy,
    even if its environment lies in one."""
    here = pathlib.Path(__file__)
    kept, described = ["ls-files", "--error-unmatch", here.name], ["describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        for command in (kept, described):
            told = subprocess.run(["git", *command], cwd=here.parent, capture_output=True, text=True, check=True).stdout
        return told.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def code_digest() -> str:
    """A hash of the package's Python files, so that no number of one code is taken for another's."""
    package, digest = pathlib.Path(__file__).parent.parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def parameters_digest(params) -> str:
    """A hash of the model's parameters, so that no number of one model is taken for another's."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(jax.device_get(params)):
        digest.update(np.ascontiguousarray(leaf))
    return digest.hexdigest()[:16]
