# One NVIDIA H200, bfloat16; MNIST is the folder of its four IDX files. Code of the record: after fa537d8,
# with affine mechanisms that the objective trains (--config.model.mechanism=affine --config.train.mechanisms=objective).
cdae benchmark --config=morpho_mnist:paper,method=paper --config.system.dtype=bfloat16 --parts=train --seconds=3 \
    --output=benchmark.json

# Two trainings at once, 2,900 steps each: UNet and encoder of the published size, the rest as at :cpu.
SIZE="--config.model.unet_channels=128 --config.model.unet_multipliers=(1,2,2) --config.model.num_blocks=3"
SIZE="$SIZE --config.model.patch=1 --config.model.attention=(14,7) --config.model.encoder_channels=128"
SIZE="$SIZE --config.model.encoder_multipliers=(1,2,2) --config.model.encoder_patch=1 --config.system.dtype=bfloat16"
TRAIN="--config.train.batch_size=128 --config.train.learning_rate=0.0005 --config.train.steps=2900"
G="--config.data.mnist_dir=$MNIST $SIZE $TRAIN"
export XLA_PYTHON_CLIENT_MEM_FRACTION=0.42
cdae train --config=morpho_mnist:cpu $G --config.sample.corrections=1 --workdir=runs/h200 &
cdae train --config=morpho_mnist:cpu,method=conditional $G --workdir=runs/h200_conditional &
wait
for run in h200 h200_conditional; do
  cdae evaluate --workdir=runs/$run --parts=interventions,composition,latents
done
cdae compare --workdirs=runs/h200,runs/h200_conditional --names=ours,label-conditional --output=results/h200/comparison
