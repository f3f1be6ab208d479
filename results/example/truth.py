"""A run of the worked example against the example's own truth, which its folder does not tell.

python results/example/truth.py --workdir=runs/example --output=results/example/truth.json
"""

import argparse
import json
import pathlib

import numpy as np

import cdae_jax
from cdae_jax.data import example
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.coverage import measure_uncertainty
from cdae_jax.evaluation.interventions import measure_do
from cdae_jax.evaluation.nearness import against_error

NUM_TRAIN, NUM_TEST, SEED = 2_000, 512, 1  # scenes that the folder does not hold


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    given = parser.parse_args()
    model = cdae_jax.load(given.workdir)
    dataset = example.make_dataset(NUM_TRAIN, NUM_TEST, SEED)
    bench = Bench(dataset, model, dataset.test, figures=given.output.parent)
    measured = {f"do({name})": measure_do(bench, name) for name in dataset.graph.names}
    near = {do: one.result["nearness"] for do, one in measured.items()}
    found = {
        "effectiveness": {do: one.result["effectiveness"] for do, one in measured.items()},
        "mechanism": {do: one.result["mechanism"] for do, one in measured.items()},
        "support": against_error(near, np.stack([one.gaps for one in measured.values()])),
        "uncertainty": measure_uncertainty(bench),
    }
    found = json.loads(json.dumps(found), parse_constant=lambda _: None)  # JSON knows no NaN
    given.output.write_text(json.dumps(found, indent=1) + "\n")
    for do, errors in found["effectiveness"].items():
        known = {name: error["normalised"] for name, error in errors.items() if name in dataset.graph.names}
        print(do, {name: round(error, 3) for name, error in known.items() if error is not None})
    for do, held in found["uncertainty"]["do"].items():
        counted = {name: one["coverage"]["mean"] for name, one in held.items()}
        print(do, {name: round(mean, 3) for name, mean in counted.items() if mean is not None})
    print("all", found["uncertainty"]["all"]["coverage"], found["support"]["all"]["rank_correlation"])


if __name__ == "__main__":
    main()
