"""A trained model as programs that run with jax alone, for any batch size on CPU, CUDA and TPU (jax.export, StableHLO).

    encode(images)                      -> labels, u, z
    counterfactual(images, do, context) -> images, labels

images [B, H, W, C] uint8; labels and do [B, n] float32 in physical units (classes: codes), NaN in do where a variable
is left to follow its parents; context [B] int32, the number of classes where unknown; u, z [B, n, k]. Weights and
options are built in.
In another program, without this package:

    exported = jax.export.deserialize(bytearray(open("counterfactual.bin", "rb").read()))
    images, labels = exported.call(images, do, context)
"""

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.counterfactual import algorithm
from cdae_jax.data.pixels import to_uint8, to_unit
from cdae_jax.errors import InputError
from cdae_jax.inference.trained_model import TrainedModel

PLATFORMS = ("cpu", "cuda", "tpu")


def programs(model: TrainedModel) -> dict[str, bytes]:
    """The serialised programs by name; the counterfactual is decoded as `model.defaults` say.

    Raises InputError for labels that float32 cannot tell apart, such as Unix times.
    """
    stats = model.stats
    steps_of_float32 = np.spacing(np.maximum(np.abs(stats.low), np.abs(stats.high)).astype(np.float32))
    for name, step, sd in zip(model.graph.names, steps_of_float32, stats.sd, strict=True):
        if step > 0.01 * sd:
            raise InputError(
                f"the labels of {name!r} are so large that float32, which programs take, has them in steps of {step:g}"
                " alone: train on labels from which a constant is taken away, or leave the programs out"
            )
    net = model.network.replace(params=jax.device_get(model.params))
    mean, sd = (jnp.asarray(value, jnp.float32)[None] for value in (stats.mean, stats.sd))
    last = jnp.asarray([max(0, var.classes - 1) for var in model.graph.variables], jnp.float32)[None]
    options = model.options()
    steps = model.steps(options)

    def labels_of(z):
        labels = model.labels_of(z) * sd + mean
        return jnp.where(last > 0, jnp.clip(jnp.rint(labels), 0, last), labels)

    def encode(images):
        unknown = jnp.full((images.shape[0],), model.model.num_classes)
        u, z = algorithm.abduct(net, to_unit(images), unknown, options.fit_steps)
        return labels_of(z), u, z

    def counterfactual(images, do, context):
        given = to_unit(images), (do - mean) / sd, context, steps, jax.random.key(0)
        made = algorithm.counterfactual(net, *given, options, model.readout)
        return to_uint8(made.x), labels_of(made.z_cf)

    (batch,) = jax.export.symbolic_shape("b")
    images = jax.ShapeDtypeStruct((batch, *model.image_shape), jnp.uint8)
    do = jax.ShapeDtypeStruct((batch, len(model.graph)), jnp.float32)
    context = jax.ShapeDtypeStruct((batch,), jnp.int32)
    found = {}
    for function, *given in ((encode, images), (counterfactual, images, do, context)):
        exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(*given)
        found[f"stablehlo/{function.__name__}.bin"] = bytes(exported.serialize())
    return found
