# Baselines that have what of ours is not our method: Muon, parts, the draft with style, the label fit, self-correction.
# Code of this part: ec3e362.
cdae train --config=pendulum:cpu --workdir=runs/pendulum
cdae train --config=pendulum:cpu --config.train.condition=labels --config.model.block_dim=1 --workdir=runs/conditional_0
cdae train --config=pendulum:cpu --config.model.decoder=conv --config.train.condition=encoding \
    --config.train.refine_every=1 --config.train.steps=8700 --workdir=runs/causalvae_0
TOOLS=runs/pendulum,runs/conditional_0,runs/causalvae_0
for run in pendulum conditional_0 causalvae_0; do cdae evaluate --workdir=runs/$run --parts=interventions,composition; done
cdae compare --workdirs=$TOOLS --names="ours,label-conditional,CausalVAE" --output=with_tools
# comparison.json: with_our_tools, and same_training_time, the first of what follows.

# Without: ours, the baselines with the same training time, and ours without parts. Code of the record: f4aec2d, without style,
# with additive mechanisms that learn beside the draft.
NO_PARTS="--config.graph.angle.part= --config.graph.light.part="
NO_PARTS="$NO_PARTS --config.graph.length.part= --config.graph.position.part="
cdae baselines --config=pendulum:cpu --config.model.style_dim=0 --workdir=runs/baselines --max_parallel=2
cdae train --config=pendulum:cpu --config.model.style_dim=0 $NO_PARTS --workdir=runs/one_draft
cdae evaluate --workdir=runs/one_draft --parts=interventions,composition
# A CausalVAE that is given our parts, on the mean of u.
cdae train --config=pendulum:cpu --config.model.decoder=conv --config.model.style_dim=0 --config.train.condition=mean \
    --config.train.refine_every=1 --config.sample.fit_steps=0 --config.train.steps=18300 --workdir=runs/causalvae_parts
cdae evaluate --workdir=runs/causalvae_parts
cdae compare --output=results/parts/one_draft \
    --workdirs=runs/baselines/ours_0,runs/one_draft,runs/baselines/causalvae_0,runs/causalvae_parts \
    --names="ours,ours of one draft,CausalVAE,CausalVAE with our parts"
