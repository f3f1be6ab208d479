# Pendulum without parts: half of the training images with a shadow that was set, or none. Code of the record: 35b6934.
NO_PARTS="--config.graph.angle.part= --config.graph.light.part="
NO_PARTS="$NO_PARTS --config.graph.length.part= --config.graph.position.part="
PARTS=--parts=interventions,composition
cdae train --config=pendulum:cpu $NO_PARTS --config.data.interventional_share=0.5 --config.train.steps=8000 \
    --workdir=runs/set
cdae evaluate --workdir=runs/set $PARTS               # report.md, metrics.json
cdae train --config=pendulum:cpu $NO_PARTS --workdir=runs/no_parts
cdae evaluate --workdir=runs/no_parts $PARTS          # no_parts.md
