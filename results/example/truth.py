"""A run of the worked example against the example's own truth, which its folder does not tell.

python results/example/truth.py --workdir=runs/example --output=results/example/truth.json
"""

import argparse
import dataclasses
import json
import pathlib

import numpy as np
import pandas as pd

import cdae_jax
from cdae_jax.data import example
from cdae_jax.data.dataset import Dataset
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench, dataset_of
from cdae_jax.evaluation.coverage import measure_uncertainty
from cdae_jax.evaluation.interventions import measure_do
from cdae_jax.evaluation.nearness import against_error

NUM_TRAIN, NUM_TEST, SEED = 2_000, 512, 1  # scenes that the folder does not hold


def misread(model: cdae_jax.TrainedModel, dataset: Dataset) -> dict[str, dict[str, float]]:
    """How the predictor of the workdir's report reads the true images under do(), in sd of the training labels."""
    bench = Bench(dataset_of(model, model.workdir), model, dataset.test, figures=None)
    found, labels = {}, dataset.test.labels
    for column, name in enumerate(dataset.graph.names):
        values, _ = dataclasses.replace(bench, dataset=dataset).draw_values(column)
        mask = np.arange(labels.shape[1])[None] == np.full((len(labels), 1), column)
        true = example.true_counterfactual(labels, mask, np.where(mask, values[:, None], 0))
        drawn = np.stack([example.draw_image(row) for row in np.where(np.isnan(true), labels, true)])
        gaps = np.abs(bench.judge(drawn)[0] - true) / bench.sd
        found[f"do({name})"] = pd.DataFrame(gaps, columns=dataset.graph.names).mean().to_dict()  # NaN left out
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    given = parser.parse_args()
    model = cdae_jax.load(given.workdir)
    dataset = example.make_dataset(NUM_TRAIN, NUM_TEST, SEED)
    bench = Bench(dataset, model, dataset.test, figures=given.output.parent)
    measured = {f"do({name})": measure_do(bench, name) for name in dataset.graph.names}
    gaps = misread(model, dataset)
    per_image = np.stack([one.gaps for one in measured.values()])
    near = {do: one.result["nearness"] for do, one in measured.items()}
    found = {
        "mean_effectiveness": metrics.mean_with_interval(metrics.mean_of_cells(per_image)),
        "effectiveness": {do: one.result["effectiveness"] for do, one in measured.items()},
        "mechanism": {do: one.result["mechanism"] for do, one in measured.items()},
        "support": against_error(near, per_image),
        "uncertainty": measure_uncertainty(bench),
        "predictor_on_true_images": gaps,
    }
    found = json.loads(json.dumps(found), parse_constant=lambda _: None)  # JSON knows no NaN
    given.output.write_text(json.dumps(found, indent=1) + "\n")
    for do, errors in found["effectiveness"].items():
        known = {name: error["normalised"] for name, error in errors.items() if name in dataset.graph.names}
        print(do, {name: round(error, 3) for name, error in known.items() if error is not None})
        print(
            "    the predictor on true images",
            {name: round(error, 3) for name, error in gaps[do].items() if error == error},
        )
    for do, held in found["uncertainty"]["do"].items():
        counted = {name: one["coverage"]["mean"] for name, one in held.items()}
        print(do, {name: round(mean, 3) for name, mean in counted.items() if mean is not None})
    print("mean over all cells", found["mean_effectiveness"])
    print("all", found["uncertainty"]["all"]["coverage"], found["support"]["all"]["rank_correlation"])


if __name__ == "__main__":
    main()
