# The circuit look-alike by its config, whose settings the record has by flags. Code of the record: 708939a;
# of the intervals, and of the table of support: 92c2bc0.
cdae train --config=circuit_lookalike:cpu --workdir=runs/circuit
cdae calibrate --workdir=runs/circuit
cdae evaluate --workdir=runs/circuit
