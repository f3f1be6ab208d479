"""Pictures of mechanisms over the labels that they were fitted to."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cdae_jax.plots.pictures import picture

MAX_POINTS = 400
SPREAD = np.linspace(-4, 4, 33)


class Effect(NamedTuple):
    """labels and drawn [N]: the true ones and those that the mechanism draws; causes: name -> [N]; u [N], or None for
    an effect without noise of its own; kind and unit for the titles."""

    labels: np.ndarray
    drawn: np.ndarray
    causes: Mapping[str, np.ndarray]
    u: np.ndarray | None
    kind: str
    unit: str


def mechanism_fits(path: pathlib.Path, effects: Mapping[str, Effect], title: str) -> None:
    """A row for each effect: labels against each cause, those that the mechanism draws over the true ones, and the
    noise that the labels imply over its prior N(0, 1)."""
    columns = 1 + max(len(effect.causes) for effect in effects.values())
    with picture(path, (2.9 * columns, 2.3 * len(effects) + 0.5), title, (len(effects), columns), dpi=100) as axes:
        for row, (name, effect) in zip(axes, effects.items(), strict=True):
            for axis in row:
                axis.tick_params(labelsize=7)
            for axis, (cause, values) in zip(row, effect.causes.items(), strict=False):
                axis.plot(
                    values[:MAX_POINTS], effect.labels[:MAX_POINTS], ".", color="0.6", markersize=6, label="labels"
                )
                axis.plot(values[:MAX_POINTS], effect.drawn[:MAX_POINTS], "C1.", markersize=2, label="mechanism")
                axis.set_xlabel(cause, fontsize=8)
                axis.set_ylabel(f"{name}, {effect.unit}" if effect.unit else name, fontsize=8)
            row[0].set_title(f"{name}: {effect.kind}", fontsize=9, loc="left")
            for axis in row[len(effect.causes) : -1]:
                axis.set_axis_off()
            if effect.u is None:
                row[-1].set_axis_off()
                continue
            row[-1].hist(np.clip(effect.u, -4, 4), SPREAD, density=True, color="0.75", label="noise of the labels")
            row[-1].plot(SPREAD, np.exp(-(SPREAD**2) / 2) / np.sqrt(2 * np.pi), "C1", label="its prior")
            row[-1].set_xlabel(f"u of {name}", fontsize=8)
        axes[0, 0].legend(fontsize=7)
        if shown := [row[-1] for row, effect in zip(axes, effects.values(), strict=True) if effect.u is not None]:
            shown[0].legend(fontsize=7)
