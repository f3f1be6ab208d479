# The example of own data. Code of the record: 5595c89, with the plain decoder (--config.model.decoder=diffusion
# --config.model.style_dim=0), additive mechanisms that the objective trains (--config.model.mechanism=additive
# --config.train.mechanisms=objective), DDIM with 20 evaluations each way, nothing restored (--abduction=invert).
cdae make_example --output=example
DATA="--config=custom:cpu,example/graph.json --config.data.images=example/images"
DATA="$DATA --config.data.labels=example/labels.csv"
cdae train $DATA --config.train.steps=3000 --workdir=runs/example
cdae evaluate --workdir=runs/example
