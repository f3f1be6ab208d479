# What a wrong graph costs. Code of the record: ba78bbe.
STEPS=--config.train.steps=3000
cdae sweep --config=circuit_lookalike:cpu --sweep=configs/sweeps/wrong_graph_circuit.py $STEPS \
    --parts=interventions --workdir=runs/wrong_circuit
cdae train --config=configs/circuit_hidden_cause.py:cpu $STEPS --workdir=runs/hidden
cdae evaluate --workdir=runs/hidden --parts=interventions
cdae sweep --config=morpho_mnist_digit:cpu --sweep=configs/sweeps/wrong_graph_mnist.py $STEPS \
    --config.data.mnist_dir=$MNIST --parts=interventions --workdir=runs/wrong_mnist

# A later recipe, of which the first two graphs are recorded. Code: fba6479.
cdae sweep --config=circuit_lookalike:cpu --sweep=configs/sweeps/wrong_graph_circuit.py \
    --config.train.steps=1500 --parts=interventions --workdir=runs/wrong_today

# What the labels alone say of each graph, for example of the one whose edge arm -> blue is reversed.
cdae inspect --config=circuit_lookalike:cpu --config.graph.arm.parents="('blue',)" --config.graph.blue.parents="()"
cdae inspect --config=configs/circuit_hidden_cause.py:cpu

# The picture of an additive mechanism: mechanisms are fitted before the first step.
cdae train --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.model.mechanism=additive \
    --config.train.steps=1 --config.train.warmup_steps=0 --workdir=runs/additive
cdae evaluate --workdir=runs/additive --parts=figures
