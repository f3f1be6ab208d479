# The circuit look-alike by its config. Code of the record: e595c77.
cdae train --config=circuit_lookalike:cpu --workdir=runs/circuit
cdae calibrate --workdir=runs/circuit
cdae evaluate --workdir=runs/circuit

# Ours, label-conditional diffusion with the same training time, and ours without one part, 3,000 steps: methods.*.
# Code of the record: ad7e6cb.
SHORT="--config=circuit_lookalike:cpu --config.train.steps=3000"
PARTS=--parts=interventions,composition
cdae baselines $SHORT --names=ours,conditional $PARTS --workdir=runs/short
for condition in mean encoding; do
  cdae train $SHORT --config.train.condition=$condition --workdir=runs/$condition
  cdae evaluate --workdir=runs/$condition $PARTS
done
cdae evaluate --workdir=runs/short/ours_0 $PARTS --fit_steps=0 --output=runs/no_fit
cdae evaluate --workdir=runs/short/ours_0 $PARTS --corrections=0 --output=runs/no_self
cdae compare --workdirs=runs/short/ours_0,runs/short/conditional_0,runs/mean,runs/encoding,runs/no_fit,runs/no_self \
    --names="ours,label-conditional,no codes,latents of samples,labels not fitted,no self-correction" --output=methods

# All methods with the same training time: baselines.*, .png the grid. Code of the record: 0ef2eb8.
cdae baselines $SHORT $PARTS --workdir=runs/b_circuit
cdae baselines $SHORT --names=ours --seeds=0,1 $PARTS --workdir=runs/b_circuit
C=runs/b_circuit
RUNS=$C/ours_0,$C/ours_1,$C/draft_0,$C/conditional_0,$C/causalvae_0,$C/aligned_0,$C/noise_0,$C/diffae_0
cdae compare --workdirs=$RUNS --output=baselines --names="ours,ours,draft alone,label-conditional,CausalVAE,\
no causal layer,fresh noise,DiffAE"
