# The circuit look-alike by its config. Code of the record: e595c77.
cdae train --config=circuit_lookalike:cpu --workdir=runs/circuit
cdae calibrate --workdir=runs/circuit
cdae evaluate --workdir=runs/circuit

# The published method, 6,000 steps, 256 images, 50 steps each way: paper.md. Code of the record: b8b98ae.
cdae train --config=circuit_lookalike:cpu,method=paper --config.train.steps=6000 --workdir=runs/paper
cdae evaluate --workdir=runs/paper --num_steps=50 --output=runs/paper50 --parts=interventions,latents --num_images=256
