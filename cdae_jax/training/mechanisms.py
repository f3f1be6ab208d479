"""Mechanisms fitted to labels alone, before training; held-out labels choose among their kinds.

Every kind is fitted by the likelihood of latents z ~ p(z | y) under the labels y of training images,

    -log p(z_i | z_pa(i)) = u_i^2 / 2 + log dz_i/du_i + constant,

which is a sum of one term for each effect; each effect keeps the parameters that fit held-out labels best. Of several
kinds the simplest is taken whose likelihood of held-out labels is within one standard error of the best one's ("one
standard error rule", Breiman et al. 1984). It takes less than a minute and looks at no image. Since z is spread around
the code of y as p(z | y) says, noise does not get smaller than that spread, even of an effect that its causes
determine. An effect that is a class has one kind alone, CLASS, fitted by -log p(class | z_pa(i)), the cross-entropy.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from cdae_jax.compiled import jit_once
from cdae_jax.distributed import processes
from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO, CLASS, CausalGraph
from cdae_jax.model.prior import label_codes
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.settings.run import Settings
from cdae_jax.training.optimizer import apply_gradients

KINDS = ("scaled", "affine", "spline")  # what "auto" chooses from, simplest first
HELD_OUT, MAX_HELD_OUT = 0.2, 5_000
REGIONS, BLIND = 24, 0.3  # of causes, and the share of them that a refitted mechanism has not seen
STEPS, CHUNKS, BATCH, RATE = 6_000, 20, 256, 3e-3


class Fit(NamedTuple):
    """Mechanisms of one kind.

    misfit: [M, effects] -log p(z_i | z_pa(i)) of M rows held out, in nats per dimension, up to a constant; NaN where a
    row says nothing of an effect.
    """

    scm: StructuralCausalModel
    params: dict
    misfit: np.ndarray


class Scores(NamedTuple):
    """Misfit of held-out labels of every effect (row) by every kind (column), NaN where it cannot have it: its mean,
    and the standard error of its difference to the effect's best."""

    mean: pd.DataFrame
    error: pd.DataFrame

    @property
    def chosen(self) -> dict[str, str]:
        """Effect -> the simplest kind within one standard error of the best."""
        behind = self.mean.sub(self.mean.min(axis=1), axis=0)
        return (behind <= self.error).idxmax(axis=1).to_dict()


class Fitted(NamedTuple):
    """The mechanisms of a run: effect -> kind, and their parameters as `StructuralCausalModel` has them."""

    kinds: dict[str, str]
    params: dict


def fit_mechanisms(settings: Settings, y: np.ndarray, was_set: np.ndarray) -> Fitted:
    """The mechanisms of every effect, of the kind that the settings name or, for "auto", of the best, which is printed.

    Args:
      y: [N, n] standardised labels, NaN where unknown.
      was_set: [N, n] bool, labels set by hand, which say nothing of their own mechanism.
    Raises InputError for an effect of which the labels say nothing.
    """
    graph, seed = settings.graph, settings.train.seed
    steps = min(STEPS, 20 * settings.train.steps)  # fewer for a run that is a try
    if not (effects := effects_of(graph)):
        return Fitted({}, {})
    given = {graph.names[i]: graph.variables[i].mechanism or settings.model.mechanism for i in effects}
    fits = {}
    for kind in KINDS if AUTO in given.values() else ("",):
        tried = {name: kind if known == AUTO else known for name, known in given.items()}
        fits[kind] = fit_to_labels(causal_model(settings, tried), y, settings.model.prior_sd, was_set, seed, steps)
    scores = scores_of(graph, fits)
    chosen = {name: scores.chosen[name] if kind == AUTO else kind for name, kind in given.items()}
    if AUTO in given.values() and processes.is_first():
        print("mechanisms, by held-out labels (nats; the simplest kind within one standard error of the best):")
        print(scores.mean.assign(chosen=chosen).to_string(float_format="{:.3f}".format, na_rep="-"), flush=True)
    of, any_fit = {name: f"mechanisms_{name}" for name in given}, next(iter(fits.values()))
    params = {of[name]: fits.get(kind, any_fit).params["params"][of[name]] for name, kind in scores.chosen.items()}
    return Fitted(chosen, params)


def class_effects(settings: Settings) -> dict[str, str]:
    """Effect -> CLASS for every effect that has classes and no mechanism in the graph; {} where mechanisms are not
    fitted to labels, which is the only way to learn p(class given causes)."""
    effects = [settings.graph.variables[i] for i in effects_of(settings.graph)]
    is_fitted = settings.train.mechanisms == "labels"
    return {var.name: CLASS for var in effects if is_fitted and var.classes and not var.mechanism}


def causal_model(settings: Settings, kinds: dict[str, str]) -> StructuralCausalModel:
    """The causal layer of a model of these settings, with the mechanisms of some variables chosen."""
    model = settings.with_mechanisms(kinds).make_model(0)
    return StructuralCausalModel(model.graph, model.block_dim, model.mechanism_hidden, model.mechanism)


def scores_of(graph: CausalGraph, fits: dict[str, Fit]) -> Scores:
    """The scores of fits by kind, simplest first."""
    means, errors = {}, {}
    for place, i in enumerate(effects_of(graph)):
        own = {CLASS: next(iter(fits.values()))} if i in graph.class_effects else fits
        by_kind = pd.DataFrame({kind: fit.misfit[:, place] for kind, fit in own.items()})
        means[graph.names[i]] = by_kind.mean()
        errors[graph.names[i]] = by_kind.sub(by_kind[by_kind.mean().idxmin()], axis=0).sem().fillna(np.inf)
    offered = [kind for kind in (*fits, CLASS) if any(kind in mean for mean in means.values())]
    return Scores(*(pd.DataFrame(found).T[offered] for found in (means, errors)))


def effects_of(graph: CausalGraph) -> list[int]:
    """The variables with parents."""
    return [i for i, parents in enumerate(graph.parents) if parents]


def fit_to_labels(
    scm: StructuralCausalModel,
    y: np.ndarray,
    prior_sd: float,
    was_set: np.ndarray | None = None,
    seed: int = 0,
    steps: int = STEPS,
) -> Fit:
    """The mechanisms of scm, fitted to standardised labels y [N, n], NaN where unknown; see `fit_mechanisms`."""
    rows, held = _rows(scm, y, was_set, seed)
    params, misfit = _fit(scm, _first(scm, seed, rows), rows, held, _keys(seed, steps), jnp.float32(prior_sd))
    return Fit(scm, params, np.where(held[1], misfit, np.nan))


def refit(
    scm: StructuralCausalModel, y: np.ndarray, prior_sd: float, was_set: np.ndarray | None, num: int, steps: int
) -> dict:
    """The parameters of the mechanisms of scm, fitted `num` times, stacked on a first axis; arguments as for
    `fit_to_labels`.

    Each fit has other initial weights, rows drawn with replacement (bootstrap, Efron 1979), and does not see a share
    BLIND of REGIONS of the causes of each effect: do() asks for combinations of causes that data hardly show, where
    refits to resampled rows alone would agree without reason.
    """
    (codes, told), (held_codes, held_told) = _rows(scm, y, was_set, 0)
    regions, found = _regions(scm, codes, held_codes), []
    for seed in range(1, num + 1):
        rng = np.random.default_rng([seed, 37])
        drawn = rng.integers(len(codes), size=len(codes))
        seen = np.pad(rng.random((told.shape[1], REGIONS)) >= BLIND, ((0, 0), (0, 1)), constant_values=True)
        sees, held_sees = (np.stack([one[at] for one, at in zip(seen, part, strict=True)], 1) for part in regions)
        rows, held = (codes[drawn], (told & sees)[drawn]), (held_codes, held_told & held_sees)
        params, _ = _fit(scm, _first(scm, seed, rows), rows, held, _keys(seed, steps), jnp.float32(prior_sd))
        found.append(params["params"])
    return jax.tree.map(lambda *leaves: np.stack(leaves), *found)


def _regions(scm: StructuralCausalModel, codes: jax.Array, held: jax.Array) -> tuple[list, list]:
    """For each effect the region of its causes, 0..REGIONS - 1, of every row [N], and of those held out; REGIONS, which
    is always seen, of causes that have fewer values than that: no other value could tell what comes of one of them."""
    from sklearn.cluster import MiniBatchKMeans  # takes a second to import

    found = [], []
    for i in effects_of(scm.graph):
        causes, others = (np.asarray(part)[:, scm.graph.parents[i]].reshape(len(part), -1) for part in (codes, held))
        if len(np.unique(causes, axis=0)) < REGIONS:
            places = (np.full(len(part), REGIONS) for part in (causes, others))
        else:
            groups = MiniBatchKMeans(REGIONS, random_state=0, n_init=1).fit(causes)
            places = groups.labels_, groups.predict(others)
        for part, at in zip(found, places, strict=True):
            part.append(at)
    return found


def _first(scm: StructuralCausalModel, seed: int, rows: tuple) -> dict:
    """Fresh parameters."""
    return _init()(scm, jax.random.key(seed), rows[0][:1])


@functools.cache  # traced once for all refits
def _init() -> Callable:
    return jit_once(StructuralCausalModel.init, static_argnums=0)


def _keys(seed: int, steps: int) -> jax.Array:
    return jax.random.split(jax.random.key(seed + 1), (CHUNKS, max(1, steps // CHUNKS)))


def _rows(scm: StructuralCausalModel, y: np.ndarray, was_set: np.ndarray | None, seed: int) -> tuple:
    """Codes [N, n, k] and which effects they tell of [N, effects], to fit to, and the same held out."""
    rng = np.random.default_rng([seed, 13])
    order = rng.permutation(len(y))
    y, was_set = y[order], np.zeros(y.shape, bool) if was_set is None else was_set[order]
    effects, num_held = effects_of(scm.graph), min(round(HELD_OUT * len(y)), MAX_HELD_OUT)
    told = [np.isfinite(y[:, (i, *scm.graph.parents[i])]).all(1) & ~was_set[:, i] for i in effects]
    for i, rows in zip(effects, told, strict=True):
        if not (rows[:num_held].any() and rows[num_held:].any()):
            parents = " and ".join(repr(scm.graph.names[p]) for p in scm.graph.parents[i])
            raise InputError(
                f"{rows.sum()} training images have labels of {scm.graph.names[i]!r} and its parents ({parents}), too"
                " few to fit its mechanism: label more, leave the edges out, or learn it with the rest"
                ' (config.train.mechanisms="objective")'
            )
    codes = label_codes(scm.graph, scm.block_dim, jnp.asarray(np.nan_to_num(y).astype(np.float32)))
    rows = codes, jnp.asarray(np.stack(told, 1))
    return jax.tree.map(lambda part: part[num_held:], rows), jax.tree.map(lambda part: part[:num_held], rows)


def _misfit(scm: StructuralCausalModel, params, code: jax.Array, noise: jax.Array) -> jax.Array:
    """-log p(z_i | z_pa(i)) [B, effects] up to a constant, a mean over the dimensions of a block."""
    causes = code + noise - noise.mean(-1, keepdims=True)
    u, log_slope = scm.apply(params, causes, method="conditionals").u_of(code + noise)
    found = jnp.mean(0.5 * u**2 + log_slope, -1)
    for i, misfit in scm.apply(params, causes, code, method="class_misfits").items():
        found = found.at[:, i].set(misfit)
    return found[:, jnp.asarray(effects_of(scm.graph))]


@functools.partial(jax.jit, static_argnames="scm")
def _fit(scm: StructuralCausalModel, params: dict, rows, held, keys: jax.Array, prior_sd: jax.Array):
    """The parameters that fit what is held best, of each effect by itself, and its misfits; from `params`, by steps of
    keys [chunks, steps]."""
    tx = optax.adam(optax.cosine_decay_schedule(RATE, keys.size))
    effects = [scm.graph.names[i] for i in effects_of(scm.graph)]

    held_code, held_told = held
    held_noise = prior_sd * jax.random.normal(keys[0, 0], held_code.shape)

    def loss(params, code, told, noise):
        return jnp.sum(jnp.where(told, _misfit(scm, params, code, noise), 0)) / BATCH

    def step(key, state):
        params, opt_state = state
        key_rows, key_noise = jax.random.split(key)
        code, told = jax.tree.map(lambda part: part[jax.random.randint(key_rows, (BATCH,), 0, len(part))], rows)
        noise = prior_sd * jax.random.normal(key_noise, code.shape)
        grads = jax.grad(loss)(params, code, told, noise)
        return apply_gradients(tx, grads, opt_state, params)

    def chunk(carry, number):
        """The steps of a chunk and what they end with; number 0 has none and scores `params`, so that the misfit of
        held-out rows is compiled once."""
        state, (best, best_misfit) = carry
        here = keys[number - 1]
        num = jnp.where(number > 0, len(here), 0)
        state = jax.lax.fori_loop(0, num, lambda i, state: step(here[i], state), state)
        misfit = _misfit(scm, state[0], held_code, held_noise)
        is_better = (number == 0) | (jnp.sum(jnp.where(held_told, misfit - best_misfit, 0), 0) < 0)
        parts = {
            f"mechanisms_{name}": jax.tree.map(
                lambda new, old, better=is_better[place]: jnp.where(better, new, old),
                state[0]["params"][f"mechanisms_{name}"],
                best["params"][f"mechanisms_{name}"],
            )
            for place, name in enumerate(effects)
        }
        return (state, ({"params": parts}, jnp.where(is_better, misfit, best_misfit))), None

    first = (params, tx.init(params)), (params, jnp.zeros(held_told.shape))
    (_, best), _ = jax.lax.scan(chunk, first, jnp.arange(len(keys) + 1))
    return best
