"""Training lowers the loss and stops as it should; a run that was stopped ends like one that was not."""

import json
import os
import shutil
import signal
import subprocess
import threading

import jax
import numpy as np
import pytest
from devices import one_device
from short_runs import arrays_of, assert_same_end, dataset_of, settings_with

import cdae_jax
from cdae_jax.counterfactual.readout import read
from cdae_jax.data import pendulum
from cdae_jax.data.dataset import Split
from cdae_jax.errors import InputError
from cdae_jax.inference.loading import origin
from cdae_jax.inference.provenance import parameters_digest
from cdae_jax.settings.run import Settings
from cdae_jax.training import loop
from cdae_jax.training.checkpoint import Checkpoints


def lines_of(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def before_step(monkeypatch, step, act):
    """Training calls `act` with the batch of a step, counted from 0, and trains on what that returns."""
    original = loop.host_batches

    def changed(split, y, start, *rest):
        for i, batch in enumerate(original(split, y, start, *rest), start):
            yield act(batch) if i == step else batch

    monkeypatch.setattr(loop, "host_batches", changed)


def test_training_lowers_the_loss_and_logs_every_term(trained_pendulum):
    lines = lines_of(trained_pendulum)
    assert [line["step"] for line in lines] == [5, 10, 15, 20]
    for term in ("decoder", "kl_z"):
        assert lines[-1][term] < lines[0][term]
    assert (trained_pendulum / "graph.png").is_file()
    assert {"decoder", "kl_u", "kl_z", "grad_norm", "images_per_second"} <= set(lines[-1])
    summary = json.loads((trained_pendulum / "train.json").read_text())
    assert summary["steps"] == 20 and summary["images"] == 320 and summary["parameters"] > 10_000


def test_effects_that_the_images_hardly_show_are_named_before_training(tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise InterruptedError

    monkeypatch.setattr(loop, "fit_mechanisms", stop)
    with pytest.raises(InterruptedError):
        loop.train_model(settings_with(), tmp_path)
    told = capsys.readouterr().out
    assert "length: its causes (angle, light) leave" in told and "position: its causes (angle, light) leave" in told


def test_a_stopped_run_saves_what_was_done_and_goes_on_to_the_same_end(trained_pendulum, tmp_path, monkeypatch):
    def stop(batch):
        os.kill(os.getpid(), signal.SIGTERM)
        return batch

    before = signal.getsignal(signal.SIGTERM)
    before_step(monkeypatch, 12, stop)
    with pytest.raises(loop.Stopped, match="stopped as asked after step 13, which is saved: the same command goes on"):
        loop.train_model(settings_with(), tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.undo()
    assert_same_end(tmp_path / "run", trained_pendulum, settings_with(), at=10)
    assert cdae_jax.load(tmp_path / "run").step == 13
    loop.train_model(settings_with(), tmp_path / "run")
    assert_same_end(tmp_path / "run", trained_pendulum, settings_with())
    assert [line["step"] for line in lines_of(tmp_path / "run")] == [5, 10, 15, 20]


LONGER = settings_with(train={"steps": 40})


@pytest.fixture(scope="module")
def extended(trained_pendulum, tmp_path_factory):
    """The finished run, and as many steps again."""
    copy = shutil.copytree(trained_pendulum, tmp_path_factory.mktemp("extended") / "run")
    (copy / "readout.npz").write_text("of the first steps")
    settings = json.loads((copy / "config.json").read_text())
    settings["train"]["steps"] = 40
    return loop.train_model(Settings.from_dict(settings), copy)


def test_more_steps_go_on_from_a_finished_run(extended, trained_pendulum):
    model, summary = cdae_jax.load(extended), json.loads((extended / "train.json").read_text())
    assert model.step == model.settings.train.steps == summary["steps"] == 40 and summary["images"] == 640
    assert not (extended / "readout.npz").exists()
    assert [line["step"] for line in lines_of(extended)] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert lines_of(extended)[:4] == lines_of(trained_pendulum)
    assert lines_of(extended)[-1]["loss"] < lines_of(extended)[3]["loss"]


def test_a_stopped_extension_of_an_unfinished_run_ends_like_an_undisturbed_one(
    extended, trained_pendulum, tmp_path, monkeypatch, capsys
):
    """It is at step 10 of 20 when 40 are asked for, and the first Ctrl-C comes at step 27."""
    run, settings = shutil.copytree(trained_pendulum, tmp_path / "run"), cdae_jax.load(extended).settings
    for path in ("20", "20.sha256"):
        subprocess.run(["rm", "-r", run / "checkpoints" / path], check=True)

    def interrupt(batch):
        os.kill(os.getpid(), signal.SIGINT)
        return batch

    weights, plain = [], loop.jit_train_step
    monkeypatch.setattr(loop, "jit_train_step", lambda *given: weights.append(given[-1]) or plain(*given))
    before_step(monkeypatch, 27, interrupt)
    with pytest.raises(loop.Stopped, match="stopped as asked after step 28, which is saved: the same command goes on"):
        loop.train_model(settings, run)
    assert (
        "going on from step 10: steps 1 to 20 with a learning rate up to 0.004 and a warm-up of 5 steps; steps 21 "
        in (capsys.readouterr().out)
    )
    monkeypatch.undo()
    assert {(own.steps, own.anneal_steps) for own in weights} == {(20, settings.train.anneal_steps)}  # of the first 20
    assert not (run / "train.json").exists() and cdae_jax.load(run).step == 28
    loop.train_model(settings, run)
    assert_same_end(run, extended, LONGER, at=40)


def test_a_run_may_start_from_the_averaged_weights_of_another(idle, trained_pendulum, tmp_path):
    source = shutil.copytree(trained_pendulum, tmp_path / "source")
    settings = settings_with(train={"checkpoint_every": 20})
    with pytest.raises(InputError, match="whose config.model.prior_sd is 0.05, and this run's is 0.5"):
        loop.train_model(settings_with(model={"prior_sd": 0.5}), tmp_path / "run", origin(source))
    assert not (tmp_path / "run").exists()
    loop.train_model(settings, tmp_path / "run", origin(source))
    first, theirs = (cdae_jax.load(folder) for folder in (tmp_path / "run", source))
    assert first.step == 20
    subprocess.run(["rm", "-r", tmp_path / "run" / "checkpoints" / "20"], check=True)
    first = cdae_jax.load(tmp_path / "run")
    assert first.step == 0
    for here, there in zip(*(jax.tree.leaves(model.params) for model in (first, theirs)), strict=True):
        np.testing.assert_array_equal(here, there)  # the mechanisms are fitted anew, to the same labels
    stored = json.loads((tmp_path / "run" / "init_from.json").read_text())
    assert stored == {"source": str(source), "digest": parameters_digest(theirs.params)}
    shutil.rmtree(source)
    loop.train_model(settings, tmp_path / "run", origin(source))
    assert cdae_jax.load(tmp_path / "run").step == 20
    with pytest.raises(InputError, match=r"started with --init_from .*source \(now pendulum\)"):
        loop.train_model(settings, tmp_path / "run", origin("pendulum"))


def test_a_run_in_double_precision_is_one_in_single_precision(trained_pendulum, tmp_path):
    with jax.enable_x64(True):
        loop.train_model(settings_with(), tmp_path / "run")
        model = cdae_jax.load(tmp_path / "run")
    assert {leaf.dtype for leaf in jax.tree.leaves(model.params)} == {np.dtype(np.float32)}
    assert_same_end(tmp_path / "run", trained_pendulum, settings_with())


def test_a_run_that_is_finished_trains_no_further(trained_pendulum, tmp_path):
    copy = shutil.copytree(trained_pendulum, tmp_path / "copy")
    settings = settings_with(data={"data_dir": str(trained_pendulum.parent / "data")})
    before = arrays_of(copy, settings)
    assert loop.train_model(settings, copy) == copy
    for here, there in zip(before, arrays_of(copy, settings), strict=True):
        np.testing.assert_array_equal(here, there)
    assert lines_of(copy) == lines_of(trained_pendulum)


SIGNALS = (signal.SIGTERM, signal.SIGINT)


def test_signals_are_nobodys_business_outside_the_main_thread():
    found, before = [], [signal.getsignal(number) for number in SIGNALS]

    def ask():
        with loop.stop_request() as asked:
            found.append((asked.is_set(), [signal.getsignal(number) for number in SIGNALS] == before))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [(False, True)]


def test_the_second_interrupt_interrupts():
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(KeyboardInterrupt), loop.stop_request() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_an_interrupt_that_was_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with loop.stop_request() as asked:
            signal.raise_signal(signal.SIGINT)
            assert not asked.is_set()
            signal.raise_signal(signal.SIGTERM)
            assert asked.is_set() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_non_finite_loss_names_the_step_and_the_last_good_checkpoint(idle, tmp_path, monkeypatch):
    before_step(monkeypatch, 12, lambda batch: batch | {"y": np.full_like(batch["y"], np.float32(1e30))})
    with pytest.raises(loop.NonFiniteLoss, match="at step 13; the last good checkpoint is step 10 in .*/checkpoints"):
        loop.train_model(settings_with(), tmp_path / "run")


def test_a_loss_that_was_never_finite_says_that_nothing_was_saved(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    with pytest.raises(loop.NonFiniteLoss, match=r"the loss is nan at step \d; none was saved: lower"):
        loop._finite_means([{"loss": 1.0}, {"loss": float("nan")}], 2, tmp_path, checkpoints)
    assert loop._finite_means([{"loss": 1.0, "kl_u": 0.0}, {"loss": 2.0, "kl_u": 1.0}], 0, tmp_path, checkpoints) == {
        "loss": 1.5,
        "kl_u": 0.5,
    }
    checkpoints.close()


def test_a_loss_that_is_not_finite_is_told_even_if_the_save_before_it_failed(tmp_path):
    class Full:
        @property
        def latest(self):
            raise InputError("no checkpoint can be written")

    with pytest.raises(loop.NonFiniteLoss, match="the loss is nan at step 2; no checkpoint can be written: lower"):
        loop._finite_means([{"loss": float("nan")}], 2, tmp_path, Full())


def test_statistics_are_those_of_labelled_images_that_were_left_alone(tmp_path):
    settings = settings_with(data={"interventional_share": 0.5, "label_fraction": 0.25})
    model = cdae_jax.load(loop.train_model(settings, tmp_path / "run"))
    split = dataset_of(settings).train.with_labels(0.25, settings.data.seed)
    known, left_alone = np.isfinite(split.labels).all(1), ~split.was_set.any(1)
    assert known.sum() == len(split) // 4 and 0.4 < left_alone.mean() < 0.5  # validation images were left alone
    rows = model.stats.rows
    np.testing.assert_array_equal(rows, split.labels[known & left_alone])
    np.testing.assert_allclose(model.stats.mean, rows.mean(0), rtol=1e-5)
    shadow = np.stack(pendulum.shadow(rows[:, 0], rows[:, 1]), -1)
    np.testing.assert_allclose(rows[:, 2:], shadow, rtol=1e-5)  # no mechanism was broken
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(model.params))
    np.testing.assert_array_equal(model.stats.seen, split.labels[known])
    assert model.training_labels.support(split.labels[known & ~left_alone]).max() < 100  # training images show them


def test_the_readout_reads_labels_from_latents(trained_pendulum):
    with one_device():
        model = cdae_jax.load(trained_pendulum)
        test = dataset_of(model.settings).test
        y = model.stats.standardise(test.labels)
        readout = loop.readout_of(model.model, model.params, test.images, y)
    found = np.asarray(read(readout, model.latents(test.images)[1]))
    assert found.shape == y.shape
    residual = ((found - y) ** 2).mean(0) / y.var(0)
    assert (residual < 0.9).all() and residual[0] < 0.3  # fitted to these very images


def test_batches_of_a_step_have_standardised_labels_and_a_context():
    train = settings_with().train
    images, labels = np.zeros((40, 2, 2, 1), np.uint8), np.arange(40, dtype=np.float32)[:, None]
    with_context = Split(images, labels, context=np.arange(40, dtype=np.int32) % 10)
    first = next(loop.host_batches(with_context, labels / 10, 0, train))
    assert {name: value.shape for name, value in first.items()} == {
        "image": (16, 2, 2, 1),
        "y": (16, 1),
        "context": (16,),
        "intervened": (16, 1),
    }
    np.testing.assert_array_equal(first["context"], np.rint(10 * first["y"][:, 0]) % 10)
    assert not next(loop.host_batches(Split(images, labels), labels, 0, train))["context"].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"sampling": "sobol"}}, "sampling is 'sobol'"),
        ({"train": {"batch_size": 12}}, "the batch size 12 is not a multiple of the 8 devices: change it"),
        ({"train": {"batch_size": 512}}, "config.train.batch_size is 512, more than the 224 training images"),
        ({"system": {"fsdp": 3}}, "config.system.fsdp is 3, which does not divide the 8 devices"),
        ({"system": {"microbatches": 4}}, "the batch size 16 is not a multiple of the 8 devices times 4 microbatches"),
        (
            {"model": {"decoder": "refiner"}, "train": {"refine_every": 4}},
            "batch size 16 is not .* 8 devices times 4 of config.train.refine_every",
        ),
    ],
)
def test_mistakes_leave_the_workdir_free_for_the_next_try(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        loop.train_model(settings_with(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_workdir_of_another_config_is_refused_and_kept(trained_pendulum, tmp_path):
    copy = shutil.copytree(trained_pendulum, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    with pytest.raises(InputError, match=r"train.learning_rate 0.004 \(now 0.5\)"):
        loop.train_model(settings_with(train={"learning_rate": 0.5}), copy)
    assert before == {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
