# The circuit look-alike by its config. Code of the record: 5595c89, with affine mechanisms that the objective trains
# (--config.model.mechanism=affine --config.train.mechanisms=objective) and nothing restored (--abduction=invert).
cdae train --config=circuit_lookalike:cpu --workdir=runs/circuit
cdae evaluate --workdir=runs/circuit
