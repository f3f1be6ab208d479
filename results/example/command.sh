# The example of own data by the recipe of all. Code of the record: 9777c3a.
cdae make_example --output=example
DATA="--config=custom:cpu,example/graph.json --config.data.images=example/images"
DATA="$DATA --config.data.labels=example/labels.csv"
cdae train $DATA --workdir=runs/example
cdae calibrate --workdir=runs/example
cdae evaluate --workdir=runs/example

# Against the example's own truth: new scenes, all effects, intervals and support, labels read from the pixels, and how
# the predictor reads true images. Code of this part: 8c19952, with this truth.py.
python results/example/truth.py --workdir=runs/example --output=results/example/truth.json
