"""Muon, the optimiser of kernels: momentum whose singular values are all made about 1.

It is that of Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon), with the step size of Liu et al. 2025
(arXiv 2502.16982). `optax.contrib.muon` takes the same steps; here the iteration is on the small Gram matrix, which
needs a third of the time.
"""

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from cdae_jax.distributed.sharding import batch_sharding, replicated

MOMENTUM = 0.95
COEFFICIENTS, ITERATIONS = (3.4445, -4.775, 2.0315), 5  # of the quintic that takes singular values towards 1
STEP_RMS = 0.2  # root mean square of a step per learning rate, about that of AdamW


def muon(rate: optax.ScalarOrSchedule, weight_decay: float, mesh: Mesh | None = None) -> optax.GradientTransformation:
    """Muon for kernels [..., outputs], of dense and of convolution layers, whose work the devices of a mesh share."""
    return optax.chain(
        optax.trace(MOMENTUM, nesterov=True),
        optax.stateless(lambda momenta, _: steps_of(momenta, mesh)),
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_learning_rate(rate),
    )


def steps_of(momenta, mesh: Mesh | None):
    """`step_of` of every leaf. Of the kernels of a shape each device takes its share, which all had to take otherwise,
    and holds all of them for as long as that takes; a kernel that is alone of its shape is everyone's."""
    if mesh is None or mesh.size == 1:
        return jax.tree.map(step_of, momenta)
    leaves, structure = jax.tree.flatten(momenta)
    alike: dict[tuple, list[int]] = {}
    for place, leaf in enumerate(leaves):
        alike.setdefault(leaf.shape, []).append(place)
    for places in alike.values():
        if len(places) == 1:
            leaves[places[0]] = step_of(leaves[places[0]])
            continue
        # In equal parts, and gathered at once: else the compiler moves kernel by kernel from device to device.
        stacked = jnp.stack([leaves[place] for place in places])
        stacked = jnp.pad(stacked, [(0, -len(places) % mesh.size), *[(0, 0)] * (stacked.ndim - 1)])
        stacked = jax.lax.with_sharding_constraint(stacked, replicated(mesh))
        shared = jax.lax.with_sharding_constraint(stacked, batch_sharding(mesh))
        steps = jax.lax.with_sharding_constraint(jax.vmap(step_of)(shared), replicated(mesh))
        for place, step in zip(places, steps[: len(places)], strict=True):
            leaves[place] = step
    return structure.unflatten(leaves)


def step_of(momentum: jax.Array) -> jax.Array:
    """The step of a kernel [..., outputs] for a learning rate of 1, from its momentum of the same shape."""
    matrix = momentum.reshape(-1, momentum.shape[-1])
    return STEP_RMS * max(matrix.shape) ** 0.5 * orthogonalised(matrix).reshape(momentum.shape)


def orthogonalised(matrix: jax.Array) -> jax.Array:
    """U V^T of a matrix U S V^T [m, n], up to singular values of 0.7 to 1.2; those below a hundredth of the Frobenius
    norm stay smaller.

    X <- (a + b X X^T + c (X X^T)^2) X, from X of norm 1, changes X X^T by itself, so that X is multiplied once.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.T).T
    a, b, c = COEFFICIENTS
    one = jnp.eye(len(matrix))

    def iterate(_, at):
        gram, product = at
        factor = a * one + b * gram + c * gram @ gram
        return factor @ gram @ factor, factor @ product

    with jax.default_matmul_precision("highest"):  # in bfloat16 the Gram matrix loses the small singular values
        scale = jnp.maximum(jnp.linalg.norm(matrix), 1e-8)
        first = matrix @ matrix.T / scale**2, one / scale
        _, product = jax.lax.fori_loop(0, ITERATIONS, iterate, first)  # unrolled, it compiles for longer
        return product @ matrix
