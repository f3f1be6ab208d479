# By XLA's compiler of libtpu 0.0.42 (celeba: 0.0.52): planned, not measured.
for config in morpho_mnist pendulum causal_circuit celeba; do
  JAX_EXEC_TIME_OPTIMIZATION_EFFORT=-1 JAX_MEMORY_FITTING_EFFORT=-1 \
      cdae plan --config=$config:paper,method=paper --topology=v5e:2x4,v5e:4x4,v5e:16x16 \
      --output=$config.json
done
python -c "import json; configs = 'morpho_mnist', 'pendulum', 'causal_circuit', 'celeba'
plans = {config: json.load(open(config + '.json')) for config in configs}
open('results/plans/plans.json', 'w').write(json.dumps(plans, indent=2) + chr(10))"
