"""How fast the UNet of a config is here and in PyTorch: the same network, weights, inputs and AdamW, in turns.

PyTorch (2.6 or later, which `cdae_jax` does not need otherwise) runs it eagerly, channels last, with fused AdamW, as
releases on PyTorch do. Both have the float32 of their defaults and all cores. The mechanisms, the encoder and Muon
are left out.

pip install torch
python -m experiments.pytorch_twin --config=configs/morpho_mnist.py:paper,method=paper --batch_size=16
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import flags

from cdae_jax.commands import common, config
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import init_params
from cdae_jax.model.unet import NUM_HEADS, time_embedding
from cdae_jax.profiling.benchmark import image_shape

RATE = 1e-4


def torch_tree(params, torch):
    """Nested dicts of arrays -> the same of tensors that learn; kernels of convolutions as PyTorch has them."""

    def tensor(leaf):
        kernel = torch.tensor(np.asarray(leaf))
        if kernel.ndim == 4:
            kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        return kernel.requires_grad_()

    return jax.tree.map(tensor, params)


class Twin:
    """`cdae_jax.model.unet.UNet` without context and draft, of a tree of tensors with the names of its parameters."""

    def __init__(self, unet, params, torch):
        self.unet, self.params, self.torch, self.F = unet, torch_tree(params, torch), torch, torch.nn.functional

    def dense(self, p, x):
        return x @ p["kernel"] + p["bias"]

    def conv(self, p, x, stride=1):
        x = self.F.pad(x, (0, 1, 0, 1)) if stride == 2 else x  # "SAME" of an even side
        return self.F.conv2d(x, p["kernel"], p["bias"], stride, padding=2 - stride)

    def norm(self, p, x):
        return self.F.group_norm(x, np.gcd(32, x.shape[1]).item(), p["scale"], p["bias"], 1e-6)

    def res_block(self, p, x, cond):
        silu = self.F.silu
        h = self.conv(p["Conv_0"], silu(self.norm(p["GroupNorm_0"], x)))
        scale, shift = self.dense(p["Dense_0"], silu(cond))[:, :, None, None].chunk(2, 1)
        h = self.conv(p["Conv_1"], silu(self.norm(p["GroupNorm_1"], h) * (1 + scale) + shift))
        if "Dense_1" in p:
            x = self.F.conv2d(x, p["Dense_1"]["kernel"].T[:, :, None, None], p["Dense_1"]["bias"])
        return x + h

    def attention(self, p, x):
        rows = self.norm(p["GroupNorm_0"], x).flatten(2).transpose(1, 2)  # [B, HW, C]
        p, shape = p["MultiHeadDotProductAttention_0"], (*rows.shape[:2], NUM_HEADS, -1)
        q, k, v = (
            (rows @ p[name]["kernel"].flatten(1) + p[name]["bias"].flatten()).reshape(shape).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        h = self.F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        h = h @ p["out"]["kernel"].flatten(0, 1) + p["out"]["bias"]
        return x + h.transpose(1, 2).reshape(x.shape)

    def __call__(self, x_t, embedding, z):
        """eps [B, C, H, W] of x_t [B, C, H, W], the time embedding [B, channels] and z [B, n, k]."""
        unet, p, made = self.unet, self.params, {"ResBlock": 0, "Conv": 0, "SelfAttention": 0}

        def take(kind):
            made[kind] += 1
            return p[f"{kind}_{made[kind] - 1}"]

        def embed(names, inputs):
            return self.dense(p[names[1]], self.F.silu(self.dense(p[names[0]], inputs)))

        def block(h):
            h = self.res_block(take("ResBlock"), h, cond)
            return self.attention(take("SelfAttention"), h) if h.shape[2] in unet.attention else h

        cond = embed(("Dense_1", "Dense_0"), embedding) + embed(("Dense_3", "Dense_2"), z.flatten(1))
        h = self.conv(take("Conv"), self.fold(x_t))
        skips = [h]
        for level in range(len(unet.multipliers)):
            if level:
                h = self.conv(take("Conv"), h, stride=2)
                skips.append(h)
            for _ in range(unet.num_blocks):
                h = block(h)
                skips.append(h)
        h = block(h)
        h = self.res_block(take("ResBlock"), h, cond)
        for level in reversed(range(len(unet.multipliers))):
            for _ in range(unet.num_blocks + 1):
                h = block(self.torch.cat([h, skips.pop()], 1))
            if level:
                h = self.conv(take("Conv"), self.F.interpolate(h, scale_factor=2))
        h = self.conv(take("Conv"), self.F.silu(self.norm(p["GroupNorm_0"], h)))
        return self.unfold(h)

    def fold(self, x):
        """`cdae_jax.model.layers.space_to_depth`."""
        (batch, channels, height, width), patch = x.shape, self.unet.patch
        x = x.reshape(batch, channels, height // patch, patch, width // patch, patch)
        return x.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1, height // patch, width // patch)

    def unfold(self, x):
        """`cdae_jax.model.layers.depth_to_space`."""
        (batch, _, height, width), patch = x.shape, self.unet.patch
        x = x.reshape(batch, patch, patch, -1, height, width).permute(0, 3, 4, 1, 5, 2)
        return x.reshape(batch, -1, height * patch, width * patch)


class Pair:
    """The UNet of a config by JAX and by PyTorch, on the same random weights and inputs. Raises InputError where the
    UNet sees a draft or there is no PyTorch."""

    def __init__(self, settings, batch_size: int):
        try:
            import torch
        except ImportError as err:
            raise InputError("there is no PyTorch to compare with: pip install torch") from err
        if settings.model.decoder != "diffusion":
            raise InputError(f"the decoder is {settings.model.decoder!r}, and the twin has no draft: use method=paper")
        shape, keys = image_shape(settings), jax.random.split(jax.random.key(0), 5)
        model = settings.make_model(0)
        params = jax.jit(lambda key: init_params(model, key, shape))(keys[0])
        self.unet, variables = model.bind(params).unet.unbind()
        leaves, structure = jax.tree.flatten(variables["params"])  # layers that start at zero would say nothing
        noise = [
            jax.random.normal(key, leaf.shape)
            for key, leaf in zip(jax.random.split(keys[1], len(leaves)), leaves, strict=True)
        ]
        self.params = structure.unflatten([leaf + 0.02 * more for leaf, more in zip(leaves, noise, strict=True)])
        self.x_t, self.eps = (jax.random.normal(key, (batch_size, *shape)) for key in keys[2:4])
        self.time = jnp.linspace(0.0, 1.0, batch_size)
        self.z = jax.random.normal(keys[4], (batch_size, len(settings.graph), model.block_dim))
        self.torch, self.twin = torch, Twin(self.unet, self.params, torch)
        images = (torch.tensor(np.asarray(x)).permute(0, 3, 1, 2) for x in (self.x_t, self.eps))
        self.images = [image.contiguous(memory_format=torch.channels_last) for image in images]
        embedding = time_embedding(self.time, self.unet.channels)
        self.conditions = [torch.tensor(np.asarray(given)) for given in (embedding, self.z)]
        learned = jax.tree.leaves(self.twin.params)
        self.theirs = torch.optim.AdamW(learned, RATE, fused=True)
        self.tx = optax.adamw(RATE)
        self.opt_state = self.tx.init(self.params)
        self._predict, self._step = jax.jit(self._eps), jax.jit(self._update, donate_argnums=(0, 1))

    def _eps(self, params):
        batch = len(self.x_t)
        drop, context = jnp.zeros(batch, bool), jnp.zeros(batch, jnp.int32)
        return self.unet.apply({"params": params}, self.x_t, self.time, self.z, context, drop)

    def loss(self, params):
        """The mean squared error of eps."""
        return ((self._eps(params) - self.eps) ** 2).mean()

    def _update(self, params, opt_state):
        loss, grads = jax.value_and_grad(self.loss)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = self.tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, loss

    def ours(self):
        """eps [B, H, W, C]."""
        return jax.block_until_ready(self._predict(self.params))

    def ours_step(self):
        """The loss before a step."""
        self.params, self.opt_state, loss = self._step(self.params, self.opt_state)
        return float(loss)

    def torch_forward(self):
        """eps [B, C, H, W]."""
        with self.torch.no_grad():
            return self.twin(self.images[0], *self.conditions)

    def torch_step(self):
        """The loss before a step."""
        self.theirs.zero_grad()
        loss = ((self.twin(self.images[0], *self.conditions) - self.images[1]) ** 2).mean()
        loss.backward()
        self.theirs.step()
        return loss.item()


def seconds(call) -> float:
    """Of the call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main() -> None:
    pair = Pair(config.settings(), BATCH_SIZE.value)
    rows = {"forward": (pair.ours, pair.torch_forward), "step": (pair.ours_step, pair.torch_step)}
    print("| | JAX, s | PyTorch, s | JAX / PyTorch: median (least..most) |\n| --- | --- | --- | --- |")
    for name, both in rows.items():
        for call in both:
            call()  # compiles, and allocates
        taken = np.array([[seconds(call) for call in both] for _ in range(PAIRS.value)])
        ratio, (ours, theirs) = taken[:, 0] / taken[:, 1], np.median(taken, axis=0)
        print(f"| {name} | {ours:.3f} | {theirs:.3f} | {np.median(ratio):.2f} ({ratio.min():.2f}..{ratio.max():.2f}) |")


if __name__ == "__main__":
    config.define()
    BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Images of a step.", lower_bound=1)
    PAIRS = flags.DEFINE_integer("pairs", 5, "Measurements of each, in turns.", lower_bound=1)
    flags.mark_flag_as_required("config")
    common.run(main)
