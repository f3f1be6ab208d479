# Baselines that have what of ours is not our method: Muon, the draft with style, the label fit, self-correction.
# Code of this part: ec3e362.
M="--config.data.mnist_dir=$MNIST"
TOOLS="--change=conditional:sample.corrections=2 --change=conditional:sample.fit_steps=2"
TOOLS="$TOOLS --change=causalvae:sample.corrections=2 --change=causalvae:sample.fit_steps=2"
cdae baselines --config=morpho_mnist:cpu $M --config.train.steps=5000 --names=ours,conditional,causalvae $TOOLS \
    --parts=interventions,composition --max_parallel=2 --workdir=runs/with_our_tools

# 28,000 steps each of AdamW, plain decoders, self-correction for ours alone. MNIST is the folder of its four IDX files.
# Code of the record: 27b2a7e (ours) and 96ee9ed (the others, two seeds), with affine mechanisms that the objective trains (--config.model.mechanism=affine
# --config.train.mechanisms=objective).
for seed in 0 1; do
  cdae train --config=morpho_mnist:cpu $M --config.train.seed=$seed --workdir=runs/ours_$seed
  cdae train --config=morpho_mnist:cpu,method=conditional $M --config.train.seed=$seed --workdir=runs/conditional_$seed
done
for name in diffae aligned causalvae; do
  cdae train --config=morpho_mnist:cpu,method=$name $M --config.train.condition=mean --workdir=runs/$name
done

PARTS=--parts=interventions,latents,composition
for run in ours_0 conditional_0 diffae aligned causalvae; do cdae evaluate --workdir=runs/$run $PARTS; done
cdae evaluate --workdir=runs/ours_0 --abduction=noise --depth=1 --corrections=0 --parts=interventions,composition \
    --output=runs/noise
cdae compare --workdirs=runs/ours_0,runs/conditional_0,runs/diffae,runs/aligned,runs/causalvae,runs/noise \
    --names="ours,label-conditional,DiffAE,no causal layer,CausalVAE,fresh noise" \
    --output=comparison

for run in ours_0 ours_1 conditional_0 conditional_1; do
  cdae evaluate --workdir=runs/$run --num_images=5000 --parts=interventions --output=runs/5k_$run
  cdae evaluate --workdir=runs/$run --num_images=2000 --parts=interventions --output=runs/2k_$run
done
cdae compare --workdirs=runs/5k_ours_0,runs/5k_ours_1,runs/5k_conditional_0,runs/5k_conditional_1 \
    --names=ours,ours,label-conditional,label-conditional --output=two_seeds

for seed in 0 1; do
  cdae evaluate --workdir=runs/conditional_$seed --num_images=2000 --parts=interventions --corrections=2 \
      --output=runs/2k_corrected_$seed
done
cdae evaluate --workdir=runs/ours_0 --num_images=2000 --parts=interventions --corrections=0 --output=runs/2k_plain
RUNS=runs/2k_ours_0,runs/2k_ours_1,runs/2k_plain,runs/2k_conditional_0,runs/2k_conditional_1
NAMES="ours,ours,ours without corrections,label-conditional,label-conditional"
NAMES="$NAMES,label-conditional with our corrections,label-conditional with our corrections"
cdae compare --workdirs=$RUNS,runs/2k_corrected_0,runs/2k_corrected_1 --names="$NAMES" \
    --output=self_correction
# comparison.json holds recipe_5000_steps, the first, and the three: 28000_steps, two_seeds, self_correction.
