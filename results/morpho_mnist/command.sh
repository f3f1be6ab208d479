# MorphoMNIST by its config; MNIST is the folder of its four IDX files. Code of the record: 1c706ae, of its evaluation
# 42e0291.
cdae train --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --workdir=runs/mnist
cdae calibrate --workdir=runs/mnist
cdae evaluate --workdir=runs/mnist

# By the protocol of arXiv 2403.20287, with its judges in JUDGES (cdae convert_judges).
cdae evaluate --workdir=runs/mnist --protocol=benchmark --judges=$JUDGES --num_images=1000
