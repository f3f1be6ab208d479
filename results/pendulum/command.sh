# Pendulum, as its config says. Trained by ee592bb; calibrated and evaluated by 70d6898.
cdae train --config=pendulum:cpu --workdir=runs/pendulum
cdae calibrate --workdir=runs/pendulum
cdae evaluate --workdir=runs/pendulum

# Another seed: seed_1.json. Code of the record: ec3e362.
cdae train --config=pendulum:cpu --config.train.seed=1 --workdir=runs/ours_1
cdae evaluate --workdir=runs/ours_1 --parts=interventions,composition
