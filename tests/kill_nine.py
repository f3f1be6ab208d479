"""Kills a training with SIGKILL again and again, half of the times in the middle of a save, and compares its end with
that of a run that nobody disturbed. Ten minutes or so, hence a command and no test:

python tests/kill_nine.py --times=20
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from tqdm import tqdm

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from short_runs import assert_same_end, settings_with

STEPS, EVERY = 1_000, 5
FLAGS = (f"--config.train.steps={STEPS}", f"--config.train.checkpoint_every={EVERY}")


def start(workdir: pathlib.Path) -> subprocess.Popen:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "experiments.train",
            "--config=configs/pendulum.py:smoke",
            f"--workdir={workdir}",
            *FLAGS,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


def newest(workdir: pathlib.Path) -> int:
    """Step of the newest checkpoint that has its final name; 0 for none."""
    folder = workdir / "checkpoints"
    return max((int(path.name) for path in folder.glob("*") if path.name.isdigit()), default=0)


def is_saving(workdir: pathlib.Path) -> bool:
    return any("tmp" in path.name for path in (workdir / "checkpoints").glob("*"))


def kill_once(workdir: pathlib.Path, during_save: bool, rng: random.Random) -> tuple[int, bool]:
    """Starts, waits for progress, and kills; the newest checkpoint then, and whether a save was under way."""
    before, running = newest(workdir), start(workdir)
    while newest(workdir) <= before:
        if running.poll() is not None:
            raise SystemExit(f"training ended by itself with code {running.returncode} at step {newest(workdir)}")
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 2))
    while during_save and running.poll() is None and not is_saving(workdir):
        time.sleep(0.0005)
    running.kill()
    running.wait()
    return newest(workdir), is_saving(workdir)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        disturbed, whole = pathlib.Path(name) / "disturbed", pathlib.Path(name) / "whole"
        saving = 0
        for i in tqdm(range(given.times), "kills"):
            step, was_saving = kill_once(disturbed, bool(i % 2), rng)
            saving += was_saving
            tqdm.write(f"killed after the checkpoint of step {step}{', while the next was being saved' * was_saving}")
        for workdir in (disturbed, whole):
            if start(workdir).wait():
                raise SystemExit(f"training in {workdir} failed")
        assert_same_end(disturbed, whole, settings_with(train={"steps": STEPS}), STEPS)
    print(
        f"{given.times} kills, {saving} of them during a save; step {STEPS} is bit for bit that of an undisturbed run"
    )


if __name__ == "__main__":
    main()
