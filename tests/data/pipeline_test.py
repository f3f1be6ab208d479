"""Batches: every image once an epoch, a function of the step, shared by processes, and enough labels in each."""

import dataclasses

import numpy as np
import pytest
from fakes import published_circuit
from short_runs import dataset_of, settings_with

from cdae_jax.data.dataset import Split
from cdae_jax.data.pipeline import batches, label_columns, make_dataset, pools
from cdae_jax.data.settings import CausalCircuit, MorphoMNIST, Rendered
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

SPLIT = Split(
    np.arange(1_000, dtype=np.uint8).reshape(-1, 1, 1, 1) % 251,
    np.arange(2_000, dtype=np.float32).reshape(1_000, 2),
    np.arange(1_000, dtype=np.int32),
)


def rows_of(*given, **more):
    """The rows of each batch."""
    return [batch.context for batch in batches(SPLIT, *given, **more)]


def known(split):
    return np.isfinite(split.labels).all(1)


def test_batches_cover_an_epoch_once_and_differ_between_epochs():
    first, second = (np.concatenate(rows_of(start, start + 62, 16, 0)) for start in (0, 62))
    assert len(set(first)) == len(set(second)) == 62 * 16  # what does not fill a batch is left out
    assert (first != second).any()
    assert (first != np.concatenate(rows_of(0, 62, 16, 1))).any()


def test_a_batch_holds_the_rows_of_its_split():
    (batch,) = batches(SPLIT, 5, 6, 16, 0)
    np.testing.assert_array_equal(batch.images, SPLIT.images[batch.context])
    np.testing.assert_array_equal(batch.labels, SPLIT.labels[batch.context])


def test_the_step_is_the_position():
    np.testing.assert_array_equal(rows_of(90, 95, 16, 1), rows_of(60, 95, 16, 1)[30:])


def test_processes_share_every_batch():
    parts = [rows_of(3, 70, 16, 1, process_index=i, process_count=4) for i in range(4)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), rows_of(3, 70, 16, seed=1))


def test_a_share_of_every_batch_is_labelled_if_labels_are_few():
    few = SPLIT.with_labels(0.05, 3)
    drawn = list(batches(few, 0, 125, 16, seed=1, labelled_share=0.5))
    assert all(known(batch).sum() == 8 for batch in drawn)
    unlabelled = np.concatenate([batch.context[~known(batch)] for batch in drawn])
    assert len(np.unique(unlabelled[:944])) == 944  # of 950: no image twice in an epoch
    labelled = np.concatenate([batch.context[known(batch)] for batch in drawn])
    assert sorted(set(labelled)) == sorted(few.context[known(few)])
    again = list(batches(few, 100, 125, 16, seed=1, labelled_share=0.5))
    np.testing.assert_array_equal(again[0].context, drawn[100].context)  # a function of the step
    parts = [next(batches(few, 7, 8, 16, 1, i, 2, labelled_share=0.5)).context for i in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts), drawn[7].context)


def test_with_a_share_of_1_batches_are_of_labelled_images_alone():
    few = SPLIT.with_labels(0.05, 3)
    assert all(known(batch).all() for batch in batches(few, 0, 20, 16, seed=1, labelled_share=1.0))
    gaps = few.labels.copy()
    gaps[known(few), 0] = np.nan  # one label is enough
    some = dataclasses.replace(few, labels=gaps)
    assert all(np.isfinite(b.labels).any(1).all() for b in batches(some, 0, 20, 16, seed=1, labelled_share=1.0))
    (rows, count), *rest = pools(SPLIT.with_labels(1e-9, 3).labels, 16, 1.0)
    assert (len(rows), count) == (1, 1) and rest[0][1] == 15  # where there are too few


@pytest.mark.parametrize(("fraction", "share"), [(1.0, 0.5), (1.0, 1.0), (0.6, 0.5), (0.05, 0.0)])
def test_enough_labels_leave_the_batches_as_they_were(fraction, share):
    split = SPLIT.with_labels(fraction, 3)
    for with_share, without in zip(
        batches(split, 0, 70, 16, 1, labelled_share=share), batches(split, 0, 70, 16, 1), strict=True
    ):
        np.testing.assert_array_equal(with_share.context, without.context)


def test_every_dataset_is_made_from_its_settings(tmp_path):
    sizes = {"train_size": 10, "test_size": 4}
    pendulum = dataset_of(settings_with(data=sizes))
    assert (pendulum.name, len(pendulum.train), pendulum.test.images.shape) == ("Pendulum", 8, (4, 16, 16, 3))
    assert len(pendulum.validation) == 2
    lookalike = make_dataset(Rendered(name="circuit_lookalike", resolution=32, **sizes), pendulum.graph)
    assert (lookalike.name, lookalike.test.images.shape) == ("circuit look-alike", (4, 32, 32, 3))
    published_circuit(tmp_path)
    data = CausalCircuit(name="causal_circuit", resolution=16, circuit_dir=str(tmp_path), **sizes)
    assert make_dataset(data, pendulum.graph).name == "CausalCircuit"
    with pytest.raises(InputError, match="config.data.resolution is 32: MorphoMNIST's images have 28 pixels a side"):
        make_dataset(MorphoMNIST(name="morpho_mnist", resolution=32, **sizes), pendulum.graph)


def test_columns_are_found_by_name():
    dataset = dataset_of(settings_with(data={"train_size": 10, "test_size": 4}))
    assert label_columns(dataset, CausalGraph((Variable("position"), Variable("angle")))) == [3, 0]
    with pytest.raises(InputError, match="no variable 'angel'.*did you mean 'angle'"):
        label_columns(dataset, CausalGraph((Variable("angel"),)))
