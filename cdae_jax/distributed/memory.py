"""Peak memory."""

import sys

import jax

try:
    import resource
except ImportError:  # Windows
    resource = None


def peak_mib() -> float:
    """Peak memory in MiB: of the first local device where JAX counts it, else of this process; NaN where neither is
    counted."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"] / 2**20
    if resource is None:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
