# Labels alone: no image, no encoder, no decoder. MNIST is the folder of its four IDX files. Code of the record: 4233a30.
cdae mechanisms --config=pendulum:cpu
cdae mechanisms --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.data.train_size=12000 \
    --config.data.test_size=1000
cdae mechanisms --config=circuit_lookalike:cpu
cdae mechanisms --example
