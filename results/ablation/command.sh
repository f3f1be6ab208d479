# Pendulum by ours without one part, 4,000 steps each. Code: 35b6934; ours is trained by e595c77, whose training is the
# same, and without parts by ../shadows_set/command.sh. The sweep has three more runs, which are not in the table.
# Its runs without label fit and self-correction were measured as cdae evaluate --fit_steps=0 (--corrections=0) of ours.
cdae sweep --config=pendulum:cpu --sweep=ablation --parts=interventions,composition --workdir=runs/ablation

# Folders whose names have commas get others.
mkdir c
for run in default=ours "decoder=diffusion,style_dim=0,refine_every=1,fit_steps=0=no_draft" style_dim=0=no_style \
    condition=mean=mean condition=encoding=encoding fit_steps=0=no_fit corrections=0=no_self; do
  ln -s "../runs/ablation/${run%=*}" "c/${run##*=}"
done
ln -s ../runs/no_parts c/no_parts
cdae compare --workdirs=c/ours,c/no_draft,c/no_parts,c/no_style,c/mean,c/encoding,c/no_fit,c/no_self \
    --names="ours,no draft,no parts,no style,no codes,latents of samples,labels not fitted,no self-correction" \
    --output=runs/ablation_all
