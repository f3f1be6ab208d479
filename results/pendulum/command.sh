# Pendulum, as its config says. Trained by ee592bb; calibrated and evaluated by 70d6898.
cdae train --config=pendulum:cpu --workdir=runs/pendulum
cdae calibrate --workdir=runs/pendulum
cdae evaluate --workdir=runs/pendulum
