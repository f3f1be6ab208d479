# Ours and other methods with the same training time and our tools. Code: pendulum 0ef2eb8 (of the seeds 1, ours and
# label-conditional alone), mnist d67d040. MNIST is the folder of its four IDX files.
PARTS=--parts=interventions,composition
cdae baselines --config=pendulum:cpu --seeds=0,1 $PARTS --workdir=runs/b_pendulum  # pendulum.*, .png the grid
cdae baselines --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.train.steps=4000 \
    --names=ours,conditional,draft $PARTS --workdir=runs/b_mnist       # mnist.*
cdae evaluate --workdir=runs/b_mnist/ours_0 $PARTS --corrections=0 --output=runs/b_mnist_plain
cdae compare --workdirs=runs/b_mnist/ours_0,runs/b_mnist_plain --names="ours,no self-correction" \
    --output=runs/b_mnist_self                                         # self_correction.md
