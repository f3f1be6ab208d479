# A tenth of the labels, with and without the unlabelled images. MNIST is the folder of its four IDX files. The code of
# each record is in its JSON ("revision"); additive (MorphoMNIST: affine) mechanisms that the objective trains.
PARTS=--parts=interventions,latents,composition
TENTH=--config.data.label_fraction=0.1
ALONE="$TENTH --config.data.labelled_share=1"

M="--config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.sample.corrections=0"
cdae train $M --workdir=runs/mnist
cdae train $M $TENTH --workdir=runs/mnist_tenth
cdae train $M $ALONE --workdir=runs/mnist_alone
for run in mnist mnist_tenth mnist_alone; do cdae evaluate --workdir=runs/$run $PARTS; done
cdae compare --workdirs=runs/mnist,runs/mnist_tenth,runs/mnist_alone --names="all labels,a tenth,a tenth alone" \
    --output=mnist

NO_PARTS="--config.graph.angle.part= --config.graph.light.part="
NO_PARTS="$NO_PARTS --config.graph.length.part= --config.graph.position.part="
SET="--config=pendulum:cpu --config.data.interventional_share=0.5 $NO_PARTS --config.model.style_dim=0"
SET="$SET --config.train.refine_every=1 --config.sample.fit_steps=0"
FEW="$SET --config.data.train_size=5482 --config.data.num_evaluated=256"
cdae train $FEW --config.train.steps=12000 --workdir=runs/all
cdae train $FEW --config.train.steps=12000 $TENTH --workdir=runs/tenth
cdae train $FEW --config.train.steps=12000 $ALONE --workdir=runs/alone
for run in all tenth alone; do cdae evaluate --workdir=runs/$run --parts=interventions,latents; done
cdae compare --workdirs=runs/tenth,runs/alone,runs/all --names="a tenth,a tenth alone,all labels" \
    --output=pendulum

MANY="$SET --config.train.condition=mean --config.train.steps=20000"
cdae train $MANY $ALONE --workdir=runs/many_alone
cdae train $MANY $TENTH --workdir=runs/many_tenth
for run in many_alone many_tenth; do cdae evaluate --workdir=runs/$run $PARTS; done
cdae compare --workdirs=runs/many_alone,runs/many_tenth --names="a tenth alone,a tenth" \
    --output=pendulum_50000

# comparison.json holds the three: mnist, pendulum, pendulum_50000.
