"""One optimiser step."""

import jax
import optax


def apply_gradients(tx: optax.GradientTransformation, grads, opt_state: optax.OptState, params):
    """The next parameters, the optimiser's next state, and the updates that were added."""
    # Optax raises Python floats to integer powers, which strict promotion forbids.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, updates
