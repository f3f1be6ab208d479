"""Metrics of a run: lines and events, over resumes, and on a disk that is full."""

import errno
import json

import pytest

from cdae_jax.errors import InputError
from cdae_jax.training.logs import MetricLogs


def lines_of(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def write(directory, start, steps):
    logs = MetricLogs(directory, start)
    rates = [logs.write(step, {"loss": 1.0 / step}, 80) for step in steps]
    return logs.close(), rates


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_tensorboard_reads_what_the_lines_say(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, 0, (5, 10))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [
        (5, pytest.approx(0.2)),
        (10, pytest.approx(0.1)),
    ]


def test_lines_have_rates_and_seconds(tmp_path):
    seconds, rates = write(tmp_path, 0, (5, 10))
    first, second = lines_of(tmp_path)
    assert first == {"step": 5, "loss": 0.2, "images_per_second": rates[0], "seconds": first["seconds"]}
    assert 0 < first["seconds"] < second["seconds"] <= seconds


def test_a_resumed_run_writes_later_lines_again_and_goes_on_counting(tmp_path):
    write(tmp_path, 0, (5, 10, 15))
    path = tmp_path / "metrics.jsonl"
    kept = [line | {"seconds": 100.0} for line in lines_of(tmp_path)]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    seconds, _ = write(tmp_path, 10, (15, 20))
    assert [line["step"] for line in lines_of(tmp_path)] == [5, 10, 15, 20]
    assert lines_of(tmp_path)[:2] == kept[:2]
    assert 100 < lines_of(tmp_path)[2]["seconds"] < seconds < 110


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    logs = MetricLogs(tmp_path, 0)

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    logs._file.close()
    monkeypatch.setattr(logs, "_file", Full())
    with pytest.raises(InputError, match="metrics.jsonl cannot be written to .No space left on device.: see that"):
        logs.write(5, {"loss": 1.0}, 80)
    logs.close()


def test_a_line_that_was_cut_off_does_not_stop_a_run(tmp_path):
    write(tmp_path, 0, (5, 10))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 15, "lo')
    write(tmp_path, 10, (15,))
    assert [line["step"] for line in lines_of(tmp_path)] == [5, 10, 15]
