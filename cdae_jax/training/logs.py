"""Metrics of a run as JSON lines and as TensorBoard event files."""

import json
import pathlib
import time

from cdae_jax.errors import InputError
from cdae_jax.paths import write_whole


class MetricLogs:
    """Writes <directory>/metrics.jsonl and TensorBoard event files beside it; counts training time over resumes."""

    def __init__(self, directory: pathlib.Path, start_step: int):
        from tensorboardX import SummaryWriter  # takes up to a second to import

        self._path = directory / "metrics.jsonl"
        text = self._path.read_text() if self._path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]  # the last line may be cut off, where a run was killed or the disk full
        lines = map(json.loads, whole.splitlines())
        kept = [line for line in lines if line["step"] <= start_step]  # later ones will be written again
        write_whole(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._seconds_before = kept[-1]["seconds"] if kept else 0.0
        self._file = self._path.open("a")
        self._tensorboard = SummaryWriter(str(directory / "tensorboard"), purge_step=start_step + 1)
        self._started = self._last = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds of training, earlier sessions included up to the checkpoint that this one started from."""
        return self._seconds_before + time.perf_counter() - self._started

    def write(self, step: int, values: dict[str, float], num_images: int) -> float:
        """Writes one line; returns images per second since the last one. Raises InputError if it cannot be written."""
        now = time.perf_counter()
        rate = num_images / (now - self._last)
        self._last = now
        line = {"step": step, **values, "images_per_second": rate, "seconds": self.seconds}
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            for name, value in values.items():
                self._tensorboard.add_scalar(name, value, step)
        except OSError as err:
            raise InputError(
                f"{self._path} cannot be written to ({err.strerror}): see that there is space for it; the same command"
                " goes on from the newest checkpoint"
            ) from err
        return rate

    def close(self) -> float:
        """Closes the files; returns the seconds of training."""
        seconds = self.seconds
        self._file.close()
        self._tensorboard.close()
        return seconds
