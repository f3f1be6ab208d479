# Pendulum, as its config says. Code of the record: e595c77.
cdae train --config=pendulum:cpu --workdir=runs/pendulum
cdae calibrate --workdir=runs/pendulum
cdae evaluate --workdir=runs/pendulum

# The published method, 256 images. Code of the record: 1c706ae, of its evaluation d40f157.
cdae train --config=pendulum:cpu,method=paper --workdir=runs/paper
cdae evaluate --workdir=runs/paper --parts=interventions,latents --num_images=256

# Another seed. Code of the record: ec3e362.
cdae train --config=pendulum:cpu --config.train.seed=1 --workdir=runs/ours_1
cdae evaluate --workdir=runs/ours_1 --parts=interventions,composition

# metrics.json is of the first; others.json holds paper and seed_1.
