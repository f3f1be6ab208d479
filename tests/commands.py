"""Commands as a user types them."""

import os
import subprocess
import sys

ENVIRONMENT = os.environ | {"JAX_PLATFORMS": "cpu"}


def command(name, *flags):
    return subprocess.run(
        [sys.executable, "-m", f"experiments.{name}", *flags], capture_output=True, text=True, env=ENVIRONMENT
    )
