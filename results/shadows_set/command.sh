# Pendulum, half of the training images with a shadow that was set, no parts. Code of the record: 7eefb3c, without style,
# with additive mechanisms that learn beside the draft.
NO_PARTS="--config.graph.angle.part= --config.graph.light.part="
NO_PARTS="$NO_PARTS --config.graph.length.part= --config.graph.position.part="
SET="--config.data.interventional_share=0.5 --config.model.style_dim=0"
cdae train --config=pendulum:cpu $SET $NO_PARTS --config.train.steps=32000 --workdir=runs/ours   # report.md
cdae evaluate --workdir=runs/ours
cdae train --config=pendulum:cpu,method=conditional $SET --config.train.steps=35000 --workdir=runs/conditional
cdae train --config=pendulum:cpu,method=causalvae $SET --config.train.condition=mean --config.train.steps=60000 \
    --workdir=runs/causalvae
PARTS=--parts=interventions,latents,composition
for name in conditional causalvae; do
  cdae evaluate --workdir=runs/$name $PARTS
  cdae evaluate --workdir=runs/$name $PARTS --fit_steps=2 --output=runs/${name}_fit
done
cdae evaluate --workdir=runs/ours $PARTS --fit_steps=0 --output=runs/ours_read
cdae compare --output=results/shadows_set/comparison \
    --workdirs=runs/ours,runs/ours_read,runs/conditional,runs/conditional_fit,runs/causalvae,runs/causalvae_fit \
    --names="ours,labels not fitted,label-conditional,label-conditional with fitted labels,CausalVAE,CausalVAE with fitted labels"
