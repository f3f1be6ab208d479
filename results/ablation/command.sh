# Pendulum by ours without one part, 4,000 steps each. Code: 35b6934; ours is trained by e595c77, whose training is the
# same, and without parts by ../shadows_set/command.sh. The sweep has three more runs, which are not in the table.
PARTS=--parts=interventions,composition
cdae sweep --config=pendulum:cpu --sweep=ablation $PARTS --workdir=runs/ablation
cdae evaluate --workdir=runs/ablation/default $PARTS --fit_steps=0 --output=runs/no_fit
cdae evaluate --workdir=runs/ablation/default $PARTS --corrections=0 --output=runs/no_self

# Folders whose names have commas get others.
mkdir c
for run in default=ours "decoder=diffusion,style_dim=0,refine_every=1,fit_steps=0=no_draft" style_dim=0=no_style \
    condition=mean=mean condition=encoding=encoding; do
  ln -s "../runs/ablation/${run%=*}" "c/${run##*=}"
done
for run in no_parts no_fit no_self; do ln -s ../runs/$run c/$run; done
cdae compare --workdirs=c/ours,c/no_draft,c/no_parts,c/no_style,c/mean,c/encoding,c/no_fit,c/no_self \
    --names="ours,no draft,no parts,no style,no codes,latents of samples,labels not fitted,no self-correction" \
    --output=runs/ablation_all
