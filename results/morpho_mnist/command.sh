# MorphoMNIST by its config; MNIST is the folder of its four IDX files. Code of the record: 27b2a7e, with affine
# mechanisms that the objective trains (--config.model.mechanism=affine --config.train.mechanisms=objective).
cdae train --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --workdir=runs/mnist
cdae evaluate --workdir=runs/mnist
