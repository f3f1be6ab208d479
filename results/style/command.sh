# The three scenes, trained by the recipe of one's own images, and lamp without style; about 6 minutes each on two cores.
for scene in lamp shapes; do
    python results/style/scenes.py make --scene=$scene --folder=$scene
    DATA="--config=custom:cpu,$scene/graph.json --config.data.images=$scene/images"
    DATA="$DATA --config.data.labels=$scene/labels.csv --config.data.split_column=split"
    DATA="$DATA --config.data.validation_share=0"
    cdae train $DATA --workdir=runs/$scene
    python results/style/scenes.py score --scene=$scene --workdir=runs/$scene --output=results/style/scores.json
done
scene=lamp
cdae train $(echo $DATA | sed s/shapes/lamp/g) --config.model.style_dim=0 --workdir=runs/lamp_without
python results/style/scenes.py score --scene=lamp --workdir=runs/lamp_without --output=results/style/scores.json
