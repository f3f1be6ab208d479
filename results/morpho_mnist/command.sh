# MorphoMNIST by its config; MNIST is the folder of its four IDX files. Code of the record: e595c77, whose config has
# fewer steps.
cdae train --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.train.steps=24000 --workdir=runs/mnist
cdae calibrate --workdir=runs/mnist
cdae evaluate --workdir=runs/mnist

# By the protocol of arXiv 2403.20287, with its judges in JUDGES (cdae convert_judges).
cdae evaluate --workdir=runs/mnist --protocol=benchmark --judges=$JUDGES --num_images=1000

# Every method with the same steps, the digit a variable: methods.md, and by our own measures digit.md (ours) and
# paper.md. Code: b8b98ae. benchmark.json holds the scores of the run above ("context")
# and of these ("methods").
for name in ours paper conditional aligned causalvae diffae; do
  cdae train --config=morpho_mnist_digit:cpu,method=$name --config.data.mnist_dir=$MNIST --config.train.steps=12000 \
      --workdir=runs/$name
done
B="--protocol=benchmark --judges=$JUDGES --num_images=256"
for name in ours conditional aligned causalvae diffae; do cdae evaluate --workdir=runs/$name $B; done
cdae evaluate --workdir=runs/paper --num_steps=50 --output=runs/paper50 $B
cdae evaluate --workdir=runs/ours --corrections=0 --output=runs/plain $B
cdae evaluate --workdir=runs/conditional --corrections=2 --output=runs/corrected $B
cdae evaluate --workdir=runs/ours --abduction=noise --depth=1 --corrections=0 --output=runs/noise $B
NAMES="ours,ours without self-correction,CausalDiffAE as published,label-conditional"
NAMES="$NAMES,label-conditional with our self-correction,no causal layer,DiffAE,CausalVAE,ours from fresh noise"
RUNS=runs/ours,runs/plain,runs/paper50,runs/conditional,runs/corrected,runs/aligned,runs/diffae,runs/causalvae
cdae compare --protocol=benchmark --workdirs=$RUNS,runs/noise --names="$NAMES" --output=methods
OWN="--parts=interventions,latents --num_images=256"
for name in ours conditional aligned causalvae; do cdae evaluate --workdir=runs/$name $OWN; done
cdae evaluate --workdir=runs/conditional --corrections=2 --output=runs/corrected $OWN
cdae evaluate --workdir=runs/paper --num_steps=50 --output=runs/paper50 $OWN
