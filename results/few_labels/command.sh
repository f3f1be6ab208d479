# Pendulum by its config, a tenth of its labels with and without the other images. Code of the record: ee592bb.
PARTS=--parts=interventions,composition
TENTH=--config.data.label_fraction=0.1
cdae train --config=pendulum:cpu --workdir=runs/all
cdae train --config=pendulum:cpu $TENTH --workdir=runs/tenth
cdae train --config=pendulum:cpu $TENTH --config.data.labelled_share=1 --workdir=runs/alone
for run in all alone; do cdae evaluate --workdir=runs/$run $PARTS; done
cdae evaluate --workdir=runs/tenth $PARTS,latents
cdae compare --workdirs=runs/all,runs/tenth,runs/alone --names="all labels,a tenth,a tenth alone" \
    --output=runs/few_labels  # .json is comparison.json, .md with a title table.md
