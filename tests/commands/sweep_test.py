"""`cdae sweep`: a small one run, failing in part, and gathered again."""

import json

from commands import command, run_here

from cdae_jax.commands import sweep_plan


def test_a_sweep_survives_a_failure(tmp_path, capsys):
    path, folder = tmp_path / "sweep_file.py", tmp_path / "sweep"
    path.write_text("def get_sweep(): return [{'train.checkpoint_every': 20}, {'train.batch_size': 999}]")
    given = (
        *("--config=configs/pendulum.py:smoke", f"--config.data.data_dir={tmp_path}/data"),
        *("--parts=interventions,latents", f"--sweep={path}", f"--workdir={folder}"),
    )
    first = command("sweep", *given)
    assert first.returncode == 2 and "1 of 2 runs failed (batch_size=999)" in first.stderr, first.stderr
    assert "error: config.train.batch_size is 999, more than" in (folder / "batch_size=999.failed").read_text()
    assert "1 of 2 runs; error, training sd, mean over" in first.stdout
    logged = (folder / "checkpoint_every=20" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [10, 20]
    rows = json.loads((folder / "results.json").read_text())
    assert {row["run"] for row in rows} == {"checkpoint_every=20"} and len(rows) == 24
    metrics = json.loads((folder / "checkpoint_every=20" / "metrics.json").read_text())
    found = {(row["measure"], row["do"], row["variable"]): row["value"] for row in rows}
    error = metrics["effectiveness"]["do(angle)"]["light"]["normalised"]
    assert found[sweep_plan.ERROR, "do(angle)", "light"] == error
    disentangled = metrics["latents"]["dci_per_block"]["disentanglement"]
    assert found["DCI disentanglement per block", None, "all"] == disentangled
    assert (folder / "results.png").is_file() and (folder / "results.csv").read_text().count("\n") == 25

    less = [flag for flag in given if not flag.startswith("--parts")]
    run_here("sweep", *less, "--collect", "--parts=interventions")
    assert "checkpoint_every=20: " in capsys.readouterr().out
    assert not list(folder.glob("*.claim-*"))
