# The light tunnel by the package's simulator and the recipe of all. Code of the record: ee592bb.
cdae train --config=causal_chamber_simulated:cpu --workdir=runs/chamber
cdae evaluate --workdir=runs/chamber
