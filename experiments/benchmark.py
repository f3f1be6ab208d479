"""How fast a config trains and answers on this machine, as shares of its matrix products:

python -m experiments.benchmark --config=configs/pendulum.py:cpu
"""

from absl import flags
from ml_collections import config_flags

from cdae_jax.profiling.benchmark import PARTS, benchmark
from cdae_jax.settings.run import Settings
from experiments import common

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file and size.", lock_config=True)
SECONDS = flags.DEFINE_float("seconds", 5.0, "How long to measure each part.", lower_bound=0.0)
ONLY = flags.DEFINE_list("parts", list(PARTS), f"What to measure, some of {', '.join(PARTS)}.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file to write; none without.")
flags.mark_flag_as_required("config")


def main() -> None:
    found = benchmark(Settings.from_dict(CONFIG.value.to_dict()).resolved(), SECONDS.value, ONLY.value)
    rows = {"device": found["device"], "matrix product": f"{found['matmul_flops_per_second'] / 1e9:.1f} GFLOP/s"}
    if "train" in found:
        train = found["train"]
        rows |= {
            "train step": f"{1000 * train['step_seconds']:.1f} ms, {train['images_per_second']:.0f} images/s,"
            f" {train['share_of_matmul']:.2f} of the matrix product",
            "compilation of the step, or finding it in the cache": f"{train['compile_seconds']:.1f} s",
            "step that starts saving a checkpoint": f"{1000 * train['step_with_save_seconds']:.1f} ms",
        }
    if "counterfactual" in found:
        answer = found["counterfactual"]
        rows["counterfactual"] = (
            f"{1000 * answer['seconds_per_image']:.1f} ms an image, {answer['evaluations']} evaluations,"
            f" {answer['share_of_matmul']:.2f} of the matrix product"
        )
    if "input_images_per_second" in found:
        rows["input"] = f"{found['input_images_per_second']:,.0f} images/s"
    rows["peak memory"] = f"{found['peak_mib']:.0f} MiB"
    print("\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())]))
    if OUTPUT.value:
        common.write_json(OUTPUT.value, found)


if __name__ == "__main__":
    common.run(main)
