# Ours and other methods with the same training time and our tools. Code: pendulum 0ef2eb8, mnist d67d040. MNIST is the
# folder of its four IDX files.
PARTS=--parts=interventions,composition
cdae baselines --config=pendulum:cpu $PARTS --workdir=runs/b_pendulum
cdae baselines --config=pendulum:cpu --names=ours,conditional --seeds=0,1 $PARTS --workdir=runs/b_pendulum
P=runs/b_pendulum
RUNS=$P/ours_0,$P/ours_1,$P/conditional_0,$P/conditional_1,$P/draft_0,$P/causalvae_0,$P/noise_0,$P/aligned_0,$P/diffae_0
cdae compare --workdirs=$RUNS --output=pendulum --names="ours,ours,label-conditional,label-conditional,draft alone,\
CausalVAE,fresh noise,no causal layer,DiffAE"                          # pendulum.*, .png the grid
cdae baselines --config=morpho_mnist:cpu --config.data.mnist_dir=$MNIST --config.train.steps=4000 \
    --names=ours,conditional,draft $PARTS --workdir=runs/b_mnist       # mnist.*
cdae evaluate --workdir=runs/b_mnist/ours_0 $PARTS --corrections=0 --output=runs/b_mnist_plain
cdae compare --workdirs=runs/b_mnist/ours_0,runs/b_mnist_plain --names="ours,no self-correction" \
    --output=runs/b_mnist_self                                         # self_correction.md
