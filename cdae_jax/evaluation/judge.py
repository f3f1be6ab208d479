"""The anti-causal judge: one CNN that reads every variable, and the context's class, from an image.

It regresses standardised numbers, and for categorical variables one-hot codes (read back as the largest entry), over
those labels that are known.
"""

import functools
import hashlib
import pathlib
from typing import NamedTuple

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from cdae_jax.compiled import jit_once
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pixels import to_unit
from cdae_jax.distributed.chunks import in_chunks
from cdae_jax.evaluation.metrics import absolute_error
from cdae_jax.graph import CausalGraph
from cdae_jax.model.layers import Conv
from cdae_jax.model.norm import GroupNorm
from cdae_jax.paths import write_whole
from cdae_jax.progress import tqdm
from cdae_jax.training.optimizer import apply_gradients, steps_by_kind

BATCH = 128
FEATURES = 256  # width of the penultimate layer
VALIDATION_SHARE = 0.1  # of the labelled training images, for choosing among checkpoints
NUM_CHECKS = 10
POOL = 32 * BATCH  # images decorrelated at once
RARE = 0.1  # share of the held-out images, those whose combinations of labels are the rarest
MIN_RARE = 5  # of fewer images nothing is told


def target_sizes(graph: CausalGraph) -> list[int]:
    """Number of regressed targets of each variable."""
    return [var.classes if var.kind == "categorical" else 1 for var in graph.variables]


def to_targets(graph: CausalGraph, y: np.ndarray) -> np.ndarray:
    """Standardised labels [N, n] -> targets [N, sum of sizes], NaN where the label is."""
    columns = []
    for column, size in zip(np.expand_dims(y.T, 2), target_sizes(graph), strict=True):
        columns.append(column if size == 1 else np.where(np.isnan(column), np.nan, column == np.arange(size)))
    return np.concatenate(columns, 1).astype(np.float32)


def from_targets(graph: CausalGraph, targets: np.ndarray) -> np.ndarray:
    """The standardised labels [N, n] that predicted targets stand for."""
    parts = np.split(targets, np.cumsum(target_sizes(graph))[:-1], axis=1)
    columns = [part[:, 0] if part.shape[1] == 1 else part.argmax(1).astype(np.float32) for part in parts]
    return np.stack(columns, 1)


class Predictor(nn.Module):
    """Three levels of convolutions (32, 64, 128 channels), each of half the size, flattened into a dense layer."""

    num_targets: int
    num_classes: int

    @classmethod
    def of(cls, dataset: Dataset) -> "Predictor":
        return cls(sum(target_sizes(dataset.graph)), dataset.num_classes)

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Images [B, H, W, C] in [-1, 1] -> targets [B, D], class logits [B, num_classes], features [B, FEATURES]."""
        h = x
        for channels in (32, 64, 128):
            h = GroupNorm(silu=True)(Conv(channels, stride=2)(h))
            h = GroupNorm(silu=True)(Conv(channels)(h))
        h = nn.silu(nn.Dense(FEATURES)(h.reshape(h.shape[0], -1)))
        logits = nn.Dense(self.num_classes)(h) if self.num_classes else jnp.zeros((h.shape[0], 0))
        return nn.Dense(self.num_targets)(h), logits, h


class Judge(NamedTuple):
    """A trained predictor. `validation` is its error on held-out training images, normalised, and the share of wrong
    classes; `rare` the same error on those of them whose labels occur together most rarely, as under do(): {} where the
    dataset decorrelates its factors, or has too few."""

    module: Predictor
    graph: CausalGraph
    params: dict
    stats: LabelStats
    validation: dict[str, float]
    rare: dict[str, float]

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images [N, H, W, C] uint8 -> physical labels [N, n] and classes [N] int (all 0 without context)."""
        y, logits, _ = self._outputs(images)
        classes = logits.argmax(-1) if self.module.num_classes else np.zeros(len(images), int)
        return self.stats.physical(from_targets(self.graph, y)), classes

    def features(self, images: np.ndarray) -> np.ndarray:
        """The penultimate layer [N, FEATURES] for images [N, H, W, C] uint8."""
        return self._outputs(images)[2]

    def _outputs(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return in_chunks(functools.partial(_predict, self.module, self.params), images, BATCH)


@functools.partial(jax.jit, static_argnums=0)
def _predict(module, params, images):
    return module.apply(params, to_unit(images))


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2, 3))
def _step(module, tx, params, opt_state, images, targets, classes):
    known = jnp.isfinite(targets)

    def loss_of(params):
        predicted, logits, _ = module.apply(params, to_unit(images))
        loss = jnp.mean(jnp.where(known, predicted - jnp.where(known, targets, 0), 0) ** 2)
        if module.num_classes:
            loss += jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, classes))
        return loss

    params, opt_state = apply_gradients(tx, jax.grad(loss_of)(params), opt_state, params)
    return params, opt_state


def rarity(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """p(y_1) ... p(y_n) / p(y) of every row y of labels [N, n], NaN where unknown: how much more often its combination
    would occur if the variables were independent.

    The odds of a classifier that tells rows from rows of permuted columns, each row judged by one that has not seen it.
    """
    shuffled = np.random.default_rng([seed, 19]).permuted(labels, axis=0)
    both, is_shuffled = np.concatenate([labels, shuffled]), np.repeat([0, 1], len(labels))
    folds = StratifiedKFold(shuffle=True, random_state=seed)
    classifier = HistGradientBoostingClassifier(random_state=seed)
    with threadpool_limits(1, user_api="openmp"):  # whose threads, beside those of other work, wait for each other
        found = cross_val_predict(classifier, both, is_shuffled, cv=folds, method="predict_proba")[: len(labels), 1]
    return found / (1 - found)


def _draw(dataset: Dataset, rows: np.ndarray, rng: np.random.Generator, num: int) -> Split:
    """Random training examples of these rows, with factors decorrelated where the dataset can."""
    drawn = dataset.train.take(rng.choice(rows, num))
    if dataset.decorrelate is None:
        return drawn
    return Split(*dataset.decorrelate(drawn.images, drawn.labels, rng), drawn.context)


def _classes_of(split: Split) -> np.ndarray:
    return np.zeros(len(split), np.int32) if split.context is None else split.context


def train_judge(dataset: Dataset, stats: LabelStats, num_steps: int, seed: int = 0) -> Judge:
    """Trains on the training images with a label, and keeps the best of ten checkpoints by the error on a random tenth
    of them; `stats` of all columns of the dataset's labels."""
    rng = np.random.default_rng([seed, 17])
    rows = rng.permutation(np.flatnonzero(np.isfinite(dataset.train.labels).any(1)))
    held_out = max(1, int(VALIDATION_SHARE * len(rows)))
    validation = _draw(dataset, rows[:held_out], rng, min(2048, 4 * held_out))
    module = Predictor.of(dataset)
    params = jit_once(module.init)(jax.random.key(seed), to_unit(validation.images[:1]))
    tx = steps_by_kind(optax.cosine_decay_schedule(1e-3, num_steps), weight_decay=1e-3)
    opt_state = tx.init(params)
    best, best_error = Judge(module, dataset.graph, params, stats, {}, {}), np.inf
    check_every = max(1, num_steps // NUM_CHECKS)
    for step in tqdm(range(num_steps), "judge", unit="step"):
        at = step % (POOL // BATCH) * BATCH
        if at == 0:
            pool = _draw(dataset, rows[held_out:], rng, POOL)
        batch = pool.take(slice(at, at + BATCH))
        targets = to_targets(dataset.graph, stats.standardise(batch.labels))
        params, opt_state = _step(module, tx, params, opt_state, batch.images, targets, _classes_of(batch))
        if (step + 1) % check_every == 0 or step + 1 == num_steps:
            labels, classes = best._replace(params=params)(validation.images)
            error, _ = absolute_error(dataset.graph, labels, validation.labels, stats.sd)
            wrong = float((classes != _classes_of(validation)).mean())
            if np.nanmean(error) + wrong < best_error:
                best_error = np.nanmean(error) + wrong
                told = dict(zip(dataset.graph.names, map(float, error), strict=True)) | {"wrong_class": wrong}
                kept = jax.tree.map(np.asarray, params)  # the next step donates the original
                best = best._replace(params=kept, validation=told)
    return best._replace(rare=_error_where_rare(best, dataset, rows, held_out))


def _error_where_rare(judge: Judge, dataset: Dataset, rows: np.ndarray, held_out: int) -> dict[str, float]:
    """`Judge.rare`; the first held_out of the rows are held out."""
    num = int(RARE * held_out)
    if dataset.decorrelate is not None or num < MIN_RARE:
        return {}
    rarest = rows[np.argsort(-rarity(dataset.train.labels[rows])[:held_out])[:num]]
    split = dataset.train.take(np.sort(rarest))
    error, _ = absolute_error(dataset.graph, judge(split.images)[0], split.labels, judge.stats.sd)
    return dict(zip(dataset.graph.names, map(float, error), strict=True))


def fingerprint(dataset: Dataset, num_steps: int) -> str:
    """A hash of the training data and of how the judge is trained."""
    sizes = target_sizes(dataset.graph)
    digest = hashlib.sha256(f"judge 5 {num_steps} {dataset.graph.names} {sizes} {dataset.num_classes}".encode())
    for start in range(0, len(dataset.train), POOL):
        digest.update(np.ascontiguousarray(dataset.train.images[start : start + POOL]))
    for array in (dataset.train.labels, _classes_of(dataset.train)):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


def cached_judge(dataset: Dataset, num_steps: int, folder: pathlib.Path) -> Judge:
    """The judge of a dataset, trained once and kept in `folder` under the data's fingerprint."""
    stats = LabelStats.of(dataset.train.labels, dataset.graph, num_rows=1)
    path = folder / f"{fingerprint(dataset, num_steps)}.msgpack"
    if path.is_file():
        stored = flax.serialization.msgpack_restore(path.read_bytes())
        told = stored["validation"], stored["rare"]
        return Judge(Predictor.of(dataset), dataset.graph, stored["params"], stats, *told)
    judge = train_judge(dataset, stats, num_steps)
    stored = {"params": jax.tree.map(np.asarray, judge.params), "validation": judge.validation, "rare": judge.rare}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, flax.serialization.msgpack_serialize(stored))
    return judge
