"""What is measured without an intervention: the null intervention, the latents, and the reading of real images."""

import dataclasses

import numpy as np

from cdae_jax.data.pipeline import label_columns
from cdae_jax.evaluation import disentanglement, metrics
from cdae_jax.evaluation.bench import Bench, first_of
from cdae_jax.evaluation.interventions import NUM_CYCLED, errors_by_variable, readings
from cdae_jax.progress import tqdm

NUM_CYCLES = 10
NUM_ENCODED = 2_000  # images for the measures of the latents, which decode nothing


def measure_composition(bench: Bench) -> dict:
    """The null intervention: pixel errors against the factual images after one cycle and after ten, and the labels read
    after one. With abduction="restore", which makes it exact, also one cycle of the inversion alone."""
    test = bench.test
    once, _ = bench.counterfactual(test.images, {}, test.context)
    few = test.take(slice(0, NUM_CYCLED))
    again = once[:NUM_CYCLED]
    for _ in tqdm(range(NUM_CYCLES - 1), "cycles", leave=False):
        again, _ = bench.counterfactual(again, {}, few.context)
    found = {}
    if bench.options.abduction == "restore" and bench.model.model.decoder.diffuses:
        options = dataclasses.replace(bench.options, abduction="invert")
        plain, _ = bench.model.counterfactual(test.images, {}, context=test.context, options=options)
        found["inversion"] = metrics.mse_and_psnr(plain, test.images)
    found |= metrics.mse_and_psnr(once, test.images)
    found["ssim"] = metrics.mean_with_interval(metrics.ssim(once, test.images))
    if bench.lpips is not None:
        found["lpips"] = metrics.mean_with_interval(bench.lpips(once, test.images))
    often = metrics.mse_and_psnr(again, few.images)
    found |= {f"{name}_after_{NUM_CYCLES}": measured for name, measured in often.items()}
    return found | readings(bench, once, test.labels)


def measure_latents(bench: Bench) -> dict:
    """DCI, R^2 and MCC of blocks, interventional robustness, calibration of u, and the encoder's reading of labels."""
    test = first_of(bench.dataset.test, NUM_ENCODED)
    columns = label_columns(bench.dataset, bench.model.graph)
    graph, labels = bench.model.graph, test.labels[:, columns]
    u, z = bench.model.latents(test.images)
    importance, read = disentanglement.importances(z.reshape(len(z), -1), labels, graph)
    by_block = importance.reshape(z.shape[1], z.shape[2], -1).sum(1)
    found = {"count": len(test), "importance": by_block.tolist()}
    found["informativeness"] = dict(zip(graph.names, map(float, read), strict=True))
    for name, matrix in (("dimension", importance), ("block", by_block)):
        disentangled, complete = disentanglement.dci(matrix)
        found[f"dci_per_{name}"] = {"disentanglement": disentangled, "completeness": complete}

    r2 = disentanglement.block_r2(z, labels, graph)
    found |= {"block_r2": r2.tolist(), "mcc": disentanglement.mcc(r2)}

    free = test.images, test.labels
    if bench.dataset.decorrelate is not None:
        free = bench.dataset.decorrelate(*free, np.random.default_rng(bench.seed))
    blocks, own = bench.model.latents(free[0])[1].swapaxes(0, 1), free[1][:, columns].T
    robust = map(disentanglement.interventional_robustness, blocks, own, [var.classes for var in graph.variables])
    found["interventional_robustness"] = dict(zip(graph.names, robust, strict=True))
    found["calibration"] = disentanglement.calibration(u[: len(bench.test)], labels[: len(bench.test)], graph)
    read_labels = bench.model.encode(bench.test.images, context=bench.test.context)
    found["abduction"] = errors_by_variable(graph, read_labels, bench.test.labels[:, columns], bench.sd[columns])
    return found


def measure_floor(bench: Bench) -> dict:
    """What the readers give on real test images: the floor of what is measured elsewhere."""
    found = {"factual": readings(bench, bench.test.images, bench.test.labels)}
    if bench.test.context is not None:
        right = bench.judge(bench.test.images)[1] == bench.test.context
        found["context_read"] = metrics.mean_with_interval(right.astype(float))
    return found
