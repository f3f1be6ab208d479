# CausalDiffAE as published, for as long as ours takes for 4,000 steps (circuit: 3,000): one core, other jobs beside it.
# 256 images, 50 steps each way. Code of the record: 7e3df83, of MorphoMNIST fba6479; MNIST is the folder of its four
# IDX files.
# How many steps that is, from the time that a step of each takes:
#   cdae baselines --config=pendulum:cpu --config.train.steps=4000 --names=ours,paper --parts=interventions \
#       --workdir=runs/timed --dry_run
HOW="--num_steps=50 --num_images=256 --parts=interventions,latents"
cdae train --config=pendulum:cpu,method=paper --config.train.steps=5700 --workdir=runs/paper_pendulum
cdae train --config=circuit_lookalike:cpu,method=paper --config.train.steps=3500 --workdir=runs/paper_circuit
cdae train --config=morpho_mnist:cpu,method=paper --config.data.mnist_dir=$MNIST --config.train.steps=6700 \
    --workdir=runs/paper_mnist
for run in paper_pendulum paper_circuit paper_mnist; do
  cdae evaluate --workdir=runs/$run --output=runs/$run/50 $HOW
done

# report.md and metrics.json hold all three. The minutes of MorphoMNIST include 24 in which its training was halted.
