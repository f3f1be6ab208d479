# CausalDiffAE as published, for as long as ours takes for 4,000 steps (circuit: 3,000): one core, other jobs beside it.
# 256 images, 50 steps each way. Code of the record: 7e3df83.
# How many steps that is, from the time that a step of each takes:
#   cdae baselines --config=pendulum:cpu --config.train.steps=4000 --names=ours,paper --parts=interventions \
#       --workdir=runs/timed --dry_run
HOW="--num_steps=50 --num_images=256 --parts=interventions,latents"
cdae train --config=pendulum:cpu,method=paper --config.train.steps=5700 --workdir=runs/paper_pendulum
cdae evaluate --workdir=runs/paper_pendulum $HOW
cdae train --config=circuit_lookalike:cpu,method=paper --config.train.steps=3500 --workdir=runs/paper_circuit
cdae evaluate --workdir=runs/paper_circuit $HOW

# report.md and metrics.json hold both.
