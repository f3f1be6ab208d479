"""What a server of pages finds around it and must not trip over: a proxy, and folders of other users."""

import atexit
import os
import pathlib
import shutil
import tempfile


def exempt_from_proxies(*hosts: str) -> None:
    """Keeps requests to these hosts, by which Gradio asks whether it is running, from going through a proxy."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    exempt = [host for host in given.split(",") if host]
    exempt += [host for host in hosts if host not in exempt]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(exempt)


def keep_files_apart() -> None:
    """Gives Gradio's uploads and pictures a folder of this process, unless GRADIO_TEMP_DIR names one that it may write:
    the default, /tmp/gradio, belongs to whoever came first."""
    given = os.environ.get("GRADIO_TEMP_DIR")
    try:
        if given:
            pathlib.Path(given).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=given).close()
            return
    except OSError:  # somebody else's
        pass
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="cdae_jax_")
    atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
