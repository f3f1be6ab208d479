"""Which kind of mechanism fits each effect: fitted to labels alone, before training, and told apart by held-out labels.

Every kind is fitted to the labels of training images by their likelihood, term (4) of the objective, which falls apart
into one term for each effect. The simplest kind is taken whose likelihood of labels held out is within one standard
error of the best one's ("one standard error rule", Breiman et al. 1984): seconds, and no image is looked at. An effect
that is a class has one kind alone, CLASS.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from cdae_jax.graph import CLASS, CausalGraph
from cdae_jax.model.prior import label_codes
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.settings.run import Settings
from cdae_jax.training.optimizer import apply_gradients

KINDS = ("scaled", "affine", "spline")  # simplest first
MAX_ROWS, HELD_OUT = 20_000, 0.2
STEPS, BATCH, RATE = 2_000, 256, 3e-3
GRAIN = 0.05  # standard deviations of a label, to within which labels count


class Scores(NamedTuple):
    """Negative log-likelihood of held-out labels, per dimension in nats and up to a constant, of every effect (row) by
    every kind (column), NaN where it cannot have it: its mean, and the standard error of its difference to the effect's
    best."""

    mean: pd.DataFrame
    error: pd.DataFrame

    @property
    def chosen(self) -> dict[str, str]:
        """Effect -> the simplest kind within one standard error of the best."""
        behind = self.mean.sub(self.mean.min(axis=1), axis=0)
        return (behind <= self.error).idxmax(axis=1).to_dict()


def choose_mechanisms(settings: Settings, y: np.ndarray, was_set: np.ndarray) -> dict[str, str]:
    """The kind of every effect's mechanism, by standardised labels y [N, n] of which was_set [N, n] say nothing; says
    what was chosen, and by how much. Empty without effects."""
    if not any(settings.graph.parents):
        return {}
    scores = score(settings.graph, np.where(was_set, np.nan, y), settings.model.mechanism_hidden, settings.train.seed)
    print("mechanisms, by held-out labels (negative log-likelihood in nats; the simplest within one standard error):")
    print(scores.mean.assign(chosen=scores.chosen).to_string(float_format="{:.3f}".format, na_rep="-"), flush=True)
    return scores.chosen


def class_effects(graph: CausalGraph) -> dict[str, str]:
    """CLASS for every effect that has classes and whose mechanism the graph does not say."""
    effects = [graph.variables[i] for i in effects_of(graph)]
    return {var.name: CLASS for var in effects if var.classes and not var.mechanism}


def with_kind(graph: CausalGraph, kind: str) -> CausalGraph:
    """The same with the same kind for every effect but those that are classes."""
    names = [graph.names[i] for i in effects_of(graph) if i not in graph.class_effects]
    return graph.with_mechanisms(dict.fromkeys(names, kind))


def score(graph: CausalGraph, y: np.ndarray, hidden: int, seed: int = 0) -> Scores:
    """Fits every kind and scores it.

    Labels count to within GRAIN: of an effect that its causes determine no kind then wins by ever smaller noise.

    Args:
      y: [N, n] standardised labels, NaN where unknown, or where they say nothing of a mechanism (set by hand).
      hidden: width of the mechanisms' networks.
    """
    rng = np.random.default_rng([seed, 13])
    y = y[rng.permutation(len(y))[:MAX_ROWS]]
    is_number = np.array([var.kind != "categorical" for var in graph.variables])
    y = np.where(is_number[None], y + GRAIN * rng.normal(size=y.shape), y).astype(np.float32)
    num_held, effects = max(1, round(HELD_OUT * len(y))), effects_of(graph)
    misfits = {}
    for kind in KINDS:
        scm, params = fit_to_labels(with_kind(graph, kind), y[num_held:], hidden, seed)
        misfits[kind] = misfits[CLASS] = np.asarray(_misfit(scm, params, _codes(scm, y[:num_held])))
    is_whole, means, errors = whole_families(graph, y[:num_held]), {}, {}
    for place, i in enumerate(effects):
        kinds = (CLASS,) if i in graph.class_effects else KINDS
        by_kind = pd.DataFrame({kind: misfits[kind][is_whole[:, place], place] for kind in kinds})
        means[graph.names[i]] = by_kind.mean()
        errors[graph.names[i]] = by_kind.sub(by_kind[by_kind.mean().idxmin()], axis=0).sem().fillna(np.inf)
    offered = [kind for kind in (*KINDS, CLASS) if any(kind in mean for mean in means.values())]
    return Scores(*(pd.DataFrame(found).T[offered] for found in (means, errors)))


def effects_of(graph: CausalGraph) -> list[int]:
    """The variables with parents."""
    return [i for i, parents in enumerate(graph.parents) if parents]


def whole_families(graph: CausalGraph, y: np.ndarray) -> np.ndarray:
    """[N, effects] bool: where an effect's label and those of its parents are known."""
    return np.stack([np.isfinite(y[:, [i, *graph.parents[i]]]).all(1) for i in effects_of(graph)], 1)


def fit_to_labels(graph: CausalGraph, y: np.ndarray, hidden: int, seed: int = 0, steps: int = STEPS):
    """A causal model with the mechanisms that the graph names, and its parameters fitted to standardised labels y
    [N, n] float32, NaN where unknown. A number has one dimension, or as many as the most classes."""
    scm = StructuralCausalModel(graph, graph.most_classes, hidden, "auto")
    rows = _codes(scm, y), jnp.asarray(whole_families(graph, y))
    params = scm.init(jax.random.key(seed), rows[0][:1])
    return scm, _fit(scm, steps, params, rows, jax.random.key(seed + 1))


def _codes(scm: StructuralCausalModel, y: np.ndarray) -> jax.Array:
    return label_codes(scm.graph, scm.block_dim, jnp.asarray(np.nan_to_num(y)))


def _misfit(scm: StructuralCausalModel, params, code: jax.Array) -> jax.Array:
    """-log p(m_i(y) | m_pa(y)) [B, effects] up to a constant, a mean over the dimensions of a block."""
    return jnp.mean(scm.apply(params, code, method="misfit"), -1)[:, jnp.asarray(effects_of(scm.graph))]


@functools.partial(jax.jit, static_argnames=("scm", "steps"))
def _fit(scm: StructuralCausalModel, steps: int, params, rows: tuple[jax.Array, jax.Array], key: jax.Array):
    tx = optax.adam(optax.cosine_decay_schedule(RATE, steps))

    def loss(params, code, is_whole):
        return jnp.sum(jnp.where(is_whole, _misfit(scm, params, code), 0)) / BATCH

    def step(carry, key):
        params, opt_state = carry
        batch = jax.tree.map(lambda part: part[jax.random.randint(key, (BATCH,), 0, len(part))], rows)
        params, opt_state, _ = apply_gradients(tx, jax.grad(loss)(params, *batch), opt_state, params)
        return (params, opt_state), None

    return jax.lax.scan(step, (params, tx.init(params)), jax.random.split(key, steps))[0][0]
