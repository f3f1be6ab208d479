# Ours, the baselines with the same training time, and ours without parts. Code of the record: f4aec2d, without style,
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
