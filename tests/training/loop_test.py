"""The step on one and on eight devices, resuming bit for bit, and the stops."""

import dataclasses
import functools
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from short_runs import arrays_of, dataset_of, settings_with

from cdae_jax.data.pipeline import batches
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import init_params
from cdae_jax.settings.run import Settings
from cdae_jax.training import loop as train
from cdae_jax.training import workdir
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.optimizer import apply_gradients
from cdae_jax.training.step import ema_decay_at, make_optimizer
from configs.pendulum import get_config


def test_training_lowers_the_loss_and_logs_every_term(trained_pendulum):
    lines = [json.loads(line) for line in (trained_pendulum / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15, 20]
    for term in ("decoder", "kl_z", "mechanism"):
        assert lines[-1][term] < lines[0][term]
    assert {"decoder", "kl_u", "kl_z", "mechanism", "grad_norm", "images_per_second"} <= set(lines[-1])
    summary = json.loads((trained_pendulum / "train.json").read_text())
    assert summary["steps"] == 20 and summary["images"] == 320


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_tensorboard_reads_the_events(trained_pendulum):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained_pendulum / "tensorboard")).Reload()
    lines = [json.loads(line) for line in (trained_pendulum / "metrics.jsonl").read_text().splitlines()]
    np.testing.assert_allclose([event.value for event in events.Scalars("loss")], [line["loss"] for line in lines])


def test_mistakes_leave_the_workdir_free_for_the_next_try(tmp_path):
    config = get_config("smoke")
    config.data.sampling = "sobol"
    with pytest.raises(InputError, match="sampling is 'sobol'"):
        train.train_model(Settings.from_dict(config.to_dict()), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(trained_pendulum, tmp_path, monkeypatch):
    settings = settings_with()
    save = Checkpoints.save

    def stop_after_first(self, step, *trees):
        save(self, step, *trees)
        self.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", stop_after_first)
    with pytest.raises(KeyboardInterrupt):
        train.train_model(settings, tmp_path / "run")
    monkeypatch.undo()
    # Saved while training went on, and saved while it waited: the same.
    for going, waiting in zip(
        arrays_of(trained_pendulum, settings, 10), arrays_of(tmp_path / "run", settings, 10), strict=True
    ):
        np.testing.assert_array_equal(going, waiting)
    train.train_model(settings, tmp_path / "run")
    for resumed, whole in zip(
        arrays_of(tmp_path / "run", settings), arrays_of(trained_pendulum, settings), strict=True
    ):
        np.testing.assert_array_equal(resumed, whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == [5, 10, 15, 20]


def test_a_workdir_of_another_config_is_refused_and_kept(trained_pendulum, tmp_path):
    workdir = shutil.copytree(trained_pendulum, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("*")}
    with pytest.raises(InputError, match="train.learning_rate 0.001 \\(now 0.5\\)"):
        train.train_model(settings_with(learning_rate=0.5), workdir)
    assert before == {path: path.stat().st_mtime_ns for path in workdir.rglob("*")}


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="other files"):
        train.train_model(settings_with(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_other_data_than_a_model_was_trained_on_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"dataset": "MorphoMNIST"}')
    workdir.check_dataset(tmp_path, "MorphoMNIST")
    workdir.check_dataset(tmp_path / "new", "MorphoDigits")
    with pytest.raises(InputError, match="was trained on MorphoMNIST, but its config now gives MorphoDigits"):
        workdir.check_dataset(tmp_path, "MorphoDigits")


def test_a_non_finite_loss_names_the_step_and_the_last_good_checkpoint(tmp_path, monkeypatch):
    original = train.host_batches

    def poisoned(split, y, start, *rest):
        for step, batch in enumerate(original(split, y, start, *rest), start):
            yield batch | {"y": np.full_like(batch["y"], np.float32(1e30))} if step == 12 else batch

    monkeypatch.setattr(train, "host_batches", poisoned)
    with pytest.raises(train.NonFiniteLoss, match="at step 13; the last good checkpoint is step 10"):
        train.train_model(settings_with(), tmp_path / "run")


def test_mechanisms_learn_at_a_rate_of_their_own():
    settings = settings_with(warmup_steps=0)
    shapes = jax.eval_shape(functools.partial(init_params, settings.make_model(0), jax.random.key(0), (16, 16, 3)))
    params = {"params": {name: jnp.full(3, 0.5) for name in shapes["params"]}}
    updates = []
    for rate in (1.0, 4.0):
        tx = make_optimizer(dataclasses.replace(settings.train, mechanism_rate=rate))
        updates.append(apply_gradients(tx, params, tx.init(params), params)[2]["params"])
    factors = {name: float((updates[1][name] / update)[0]) for name, update in updates[0].items()}
    assert factors == pytest.approx({name: 4.0 if name == "scm" else 1.0 for name in factors}) and "scm" in factors


def test_ema_ramps_up():
    steps = jnp.array([0, 90, 10**6], jnp.int32)
    np.testing.assert_allclose(ema_decay_at(steps, 0.999), [0.1, 0.91, 0.999], rtol=1e-6)


def test_batches_cover_an_epoch_once_and_differ_between_epochs():
    split = dataset_of(settings_with()).train
    first, second = ([batch.labels for batch in batches(split, start, start + 16, 16, 0)] for start in (0, 16))
    seen = np.concatenate(first)
    assert len(np.unique(seen[:, 0])) == len(split)
    assert not np.array_equal(seen, np.concatenate(second))
    np.testing.assert_array_equal(np.sort(seen[:, 0]), np.sort(split.labels[:, 0]))


def test_processes_share_every_batch():
    split = dataset_of(settings_with()).train
    whole = list(batches(split, 3, 20, 16, seed=1))
    parts = [list(batches(split, 3, 20, 16, 1, process_index=i, process_count=4)) for i in range(4)]
    for step, batch in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([part[step].images for part in parts]), batch.images)


def test_a_batch_that_devices_cannot_share_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a multiple of the 8 devices"):
        train.train_model(settings_with(batch_size=12), tmp_path / "run")
