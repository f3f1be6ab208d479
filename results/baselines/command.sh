# Ours and other methods with the same training time and our tools. Code: d67d040; ours of Pendulum is trained by
# e595c77, whose training is the same. MNIST is the folder of its four IDX files.
PARTS=--parts=interventions,composition
cdae baselines --config=pendulum:cpu $PARTS --workdir=runs/b_pendulum  # pendulum.*
cdae baselines --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.train.steps=4000 \
    --names=ours,conditional,draft $PARTS --workdir=runs/b_mnist       # mnist.*
