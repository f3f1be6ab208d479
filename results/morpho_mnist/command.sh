# MorphoMNIST by its config; MNIST is the folder of its four IDX files. Code of the record: e595c77, whose config has
# fewer steps.
cdae train --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.train.steps=24000 --workdir=runs/mnist
cdae calibrate --workdir=runs/mnist
cdae evaluate --workdir=runs/mnist

# By the protocol of arXiv 2403.20287, with its judges in JUDGES (cdae convert_judges).
cdae evaluate --workdir=runs/mnist --protocol=benchmark --judges=$JUDGES --num_images=1000
