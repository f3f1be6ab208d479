"""Several evaluated models side by side: a table, a bar plot, and their counterfactuals of the same test images."""

import json
import pathlib

import numpy as np

from cdae_jax.counterfactual.sampling import sampling_of
from cdae_jax.errors import InputError
from cdae_jax.evaluation.bench import dataset_of, first_of
from cdae_jax.evaluation.evaluate import PROTOCOL
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.evaluation.metrics import mean_of_cells, mean_with_interval
from cdae_jax.evaluation.report import markdown_table
from cdae_jax.graph import as_file_name
from cdae_jax.inference.loading import load
from cdae_jax.paths import expanded
from cdae_jax.plots.pictures import image_table, picture

HIDDEN = 20  # times that the median bar fits into the highest, above which the scale is logarithmic
LOWER, HIGHER, NEITHER = "lower is better", "higher is better", "neither is better"
FLOOR, CEILING = "real images", "factual image left unchanged"


def read_metrics(folder: str | pathlib.Path) -> dict:
    """The metrics.json of an evaluated folder. Raises InputError if there is none, or it is of another protocol."""
    path = expanded(folder) / "metrics.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as err:
        raise InputError(f"{path} cannot be read ({err}): run cdae evaluate for it first") from err
    version = found.get("protocol", {}).get("protocol")
    if version != PROTOCOL:
        raise InputError(f"{path} is of protocol {version}, not {PROTOCOL}: evaluate that model again")
    return found


def errors_of_images(folder: str | pathlib.Path, found: dict) -> np.ndarray | None:
    """[do, N, n] the errors of each test image under every intervention, in the order of found["effectiveness"], from
    what `evaluate` keeps of this run; None without it."""
    per_image = []
    for do in found.get("effectiveness", {}):
        path = expanded(folder) / "evaluation" / f"do_{as_file_name(do[3:-1])}.json"
        if not path.is_file():
            return None
        part = json.loads(path.read_text())
        if any(found["protocol"].get(name) != value for name, value in part["key"].items()):
            return None
        per_image.append(part["result"]["per_image"])
    return np.array(per_image, float) if per_image else None


def differences(named: dict[str, dict], errors: dict[str, np.ndarray | None]) -> dict[str, dict]:
    """Model name -> by how much it errs more than the first model on the same image: "mean" over all cells, and of each
    of "cells" (do -> variable), each with mean and interval; "to" names the first model.

    Empty unless the errors of single images (`errors_of_images`) are there for all, asked for the same values of the
    same variables.
    """
    seeds = {found["protocol"].get("seed") for found in named.values()}
    shapes = {np.shape(error) for error in errors.values()}  # () where they are not kept
    asked = {tuple((do, *cells) for do, cells in found.get("effectiveness", {}).items()) for found in named.values()}
    if len(seeds) > 1 or len(shapes) > 1 or () in shapes or len(asked) > 1:
        return {}
    first, effects = next(iter(named.items()))
    by_name = {}
    for name, error in errors.items():
        cells = {}
        for (do, measured), gaps in zip(effects["effectiveness"].items(), error - errors[first], strict=True):
            variables = [variable for variable in measured if variable != "mean_of_others"]
            cells[do] = dict(zip(variables, map(mean_with_interval, gaps.T), strict=True))
        overall = mean_with_interval(mean_of_cells(error) - mean_of_cells(errors[first]))
        by_name[name] = {"to": first, "mean": overall, "cells": cells}
    return by_name


def references(named: dict[str, dict]) -> dict[str, dict]:
    """FLOOR and CEILING -> metrics that do not depend on the model: of the rendered true counterfactuals (of the test
    images, where nothing renders), and of an answer that leaves each test image as it is.

    Empty where no intervention was measured, or not for the same values.
    """
    first = next(iter(named.values()))
    seeds = {found.get("protocol", {}).get("seed") for found in named.values()}
    if "unchanged" not in first or len(seeds) > 1:
        return {}
    real, unchanged = first["floor"], first["unchanged"]
    found = {
        FLOOR: {"effectiveness": {do: real.get(do, real["factual"]) for do in unchanged}, "realism": {}},
        CEILING: {"effectiveness": unchanged, "counterfactual_error": {}},
    }
    for do, error in first.get("realism", {}).items():
        if "frechet_of_true_images" in error:
            found[FLOOR]["realism"][do] = {"frechet": error["frechet_of_true_images"], "count": error["count"]}
    for do, error in first.get("counterfactual_error", {}).items():
        left = {name: _value(error[f"{name}_unchanged"], count=error[name]["count"]) for name in ("mse", "ssim")}
        found[CEILING]["counterfactual_error"][do] = left
    for do, distance in first.get("lpips", {}).items():
        if "true" in distance:
            num = distance["true"]["count"]
            left = {"factual": _value(0.0, count=num), "true": _value(distance["true_unchanged"], count=num)}
            found[CEILING].setdefault("lpips", {})[do] = left
    count = max(cell["count"] for cells in unchanged.values() for cell in cells.values())
    for each in found.values():
        errors = [[cell["normalised"] for cell in cells.values()] for cells in each["effectiveness"].values()]
        known = [[error for error in cells if error is not None] for cells in errors]
        each["mean_effectiveness"] = _value(float(np.mean([np.mean(cells) for cells in known if cells])), count=count)
        if "context_read" in real:
            each["context_kept"] = dict.fromkeys(unchanged, real["context_read"])
    return found


def _value(mean, interval=None, count=None) -> dict:
    return {"mean": mean, "interval": interval, "count": count}


def _difference(value: dict) -> tuple[dict, str]:
    """That of the reference to itself is no result, and never better."""
    return value, NEITHER if value["interval"] == [0, 0] else LOWER


def measures(found: dict) -> dict[str, tuple[dict, str]]:
    """What is compared, by name: its mean, interval and number of images, and which way is better. Errors per training
    sd."""
    rows: dict[str, tuple[dict, str]] = {}
    if "mean_effectiveness" in found:
        rows["effectiveness: mean error of all cells"] = (found["mean_effectiveness"], LOWER)
    less = found.get("difference")
    if less:
        rows[f"effectiveness: mean error less that of {less['to']}, image by image"] = _difference(less["mean"])
    for do, errors in found.get("effectiveness", {}).items():
        for name, error in errors.items():
            if name != "mean_of_others" and error["normalised"] is not None:
                rows[f"{do}: {name}"] = (_value(error["normalised"], error["interval"], error["count"]), LOWER)
                if less:
                    rows[f"{do}: {name}, less that of {less['to']}"] = _difference(less["cells"][do][name])
    for do, error in found.get("counterfactual_error", {}).items():
        rows[f"{do}: pixel MSE to the true image"] = (error["mse"], LOWER)
        if error["ssim"]["mean"] is not None:
            rows[f"{do}: SSIM to the true image"] = (error["ssim"], HIGHER)
    for do, kept in found.get("context_kept", {}).items():
        rows[f"{do}: class kept"] = (kept, HIGHER)
    if "composition" in found:
        lost, title = found["composition"], "composition: pixel MSE"
        rows[title] = (lost["mse"], LOWER)
        often = next(name for name in lost if name.startswith("mse_after_"))
        rows[f"{title} after {often.removeprefix('mse_after_')} cycles"] = (lost[often], LOWER)
        if "lpips" in lost:
            rows["composition: LPIPS"] = (lost["lpips"], LOWER)
        if "inversion" in lost:
            rows[f"{title} of the inversion alone"] = (lost["inversion"]["mse"], LOWER)
    for do, error in found.get("reversibility", {}).items():
        rows[f"{do}: pixel MSE after undoing"] = (error, LOWER)
    for do, error in found.get("realism", {}).items():
        for name, features in (("frechet", "the predictor's"), ("frechet_inception", "Inception")):
            if error.get(name) is not None:
                distance = _value(error[name], count=error["count"])  # an image left unchanged has 0
                rows[f"{do}: Frechet distance on {features} features"] = (distance, NEITHER)
        if "sharpness" in error:
            rows[f"{do}: sharpness (1: as real)"] = (error["sharpness"], NEITHER)
    for do, distance in found.get("lpips", {}).items():
        rows[f"{do}: LPIPS to the factual image"] = (distance["factual"], NEITHER)
        if "true" in distance:
            rows[f"{do}: LPIPS to the true image"] = (distance["true"], LOWER)
    latents = found.get("latents", {})
    for kind in ("block", "dimension"):
        for name, score in latents.get(f"dci_per_{kind}", {}).items():
            if score is not None:
                rows[f"DCI per {kind}: {name}"] = (_value(score, count=latents["count"]), HIGHER)
    if latents.get("mcc") is not None:
        rows["MCC of blocks"] = (_value(latents["mcc"], count=latents["count"]), HIGHER)
    return rows


def _text(value: dict, direction: str, others: list[dict]) -> str:
    """A mean with its interval; bold if that lies beyond those of all others."""
    if value["interval"] is None:
        return f"{value['mean']:.4g}"
    (low, high), ends = value["interval"], [other["interval"] for other in others]
    beyond = {LOWER: lambda end: high < end[0], HIGHER: lambda end: low > end[1], NEITHER: lambda end: False}[direction]
    wins = ends and None not in ends and all(map(beyond, ends))
    mark = "**" if wins else ""
    return f"{mark}{value['mean']:.4g}{mark} ({low:.4g}..{high:.4g})"


def table(named: dict[str, dict]) -> tuple[str, dict]:
    """Markdown and plain data of metrics by model name, with `references`; bold where a model's interval lies beyond
    those of all other models."""
    compared = {name: measures(found) for name, found in (named | references(named)).items()}
    rows = []
    for row in dict.fromkeys(row for name in named for row in compared[name]):
        count = next(found[row][0]["count"] for found in compared.values() if row in found)
        rows.append([row, "-" if count is None else f"{count:.0f}"])
        for name, found in compared.items():
            others = [compared[other][row][0] for other in named if other != name and row in compared[other]]
            others = others if name in named else []  # only models win
            rows[-1].append(_text(*found[row], others) if row in found else "-")
    rest = [""] * (len(compared) - len(named))
    if any("runs" in found for found in named.values()):
        each = ["; ".join(map(_mean_error, found["runs"])) if "runs" in found else "-" for found in named.values()]
        rows.append(["mean error of each run", "", *each, *rest])
    trained = ["; ".join(map(_training, found.get("runs", [found]))) for found in named.values()]
    rows.append(["trained", "", *trained, *rest])
    plain = {
        name: {row: value | {"direction": direction} for row, (value, direction) in found.items()}
        for name, found in compared.items()
    }
    return "\n".join(markdown_table(["", "images", *compared], rows)) + "\n", plain


def _mean_error(run: dict) -> str:
    return "-" if run["mean"] is None else f"{run['mean']:.4g}"


def _training(run: dict) -> str:
    train = run["train"]
    minutes = f", {train['seconds'] / 60:.1f} min" if "seconds" in train else ""
    return f"{train['steps']} steps{minutes}" + (f", seed {run['seed']}" if "seed" in run else "")


def bars(path: pathlib.Path, named: dict[str, dict]) -> None:
    """Errors of every intervened variable and of the mean of the others, as grouped bars with intervals, as PNG; on a
    logarithmic scale if the largest would hide the others."""
    groups = []
    for do in next(iter(named.values())).get("effectiveness", {}):
        groups += [(do, do[3:-1], f"{do}\n{do[3:-1]}"), (do, "mean_of_others", f"{do}\nothers")]
    width, drawn = 0.8 / len(named), []
    with picture(path, (1.1 * len(groups) + 4, 4.2), dpi=120) as axis:
        for k, (name, found) in enumerate(named.items()):
            cells = [found.get("effectiveness", {}).get(do, {}).get(key, {}) for do, key, _ in groups]
            means = np.array([cell.get("mean", cell.get("normalised")) for cell in cells], float)  # None becomes NaN
            drawn += list(means[means > 0])
            ends = np.array([cell.get("interval") or [np.nan, np.nan] for cell in cells], float)
            spread = np.abs(np.nan_to_num(ends.T - means[None]))
            axis.bar(np.arange(len(groups)) + (k + 0.5) * width - 0.4, means, width, yerr=spread, label=name, capsize=2)
        if drawn and max(drawn) > HIDDEN * np.median(drawn):
            axis.set_yscale("log")
        axis.set_xticks(range(len(groups)), [label for _, _, label in groups], fontsize=8)
        axis.set_ylabel("mean absolute error, training sd")
        axis.set_title("effectiveness (lower is better; bars: 95 % over images)", fontsize=11)
        axis.figure.legend(fontsize=8, loc="outside right upper")  # beside the bars, which fill the axes


def draw_grid(found: dict[str, dict], num: int, output: pathlib.Path) -> None:
    """For each variable and test image one row: factual, the counterfactual of each model (by name, its metrics.json:
    decoded as it was measured), and the truth if there is one; as PNG."""
    models = {name: load(metrics["protocol"]["workdir"]) for name, metrics in found.items()}
    first = next(iter(models))
    dataset = dataset_of(models[first], found[first]["protocol"]["workdir"])
    test = first_of(dataset.test, num)
    rows = []
    shared = [name for name in dataset.graph.names if all(name in model.graph.names for model in models.values())]
    for name in shared:
        column = dataset.graph.index(name)
        low_and_high, var = np.nanpercentile(dataset.test.labels[:, column], [15, 85]), dataset.graph.variables[column]
        values = np.resize(low_and_high, len(test))
        if var.classes:
            values = np.rint(values)
        made = {}
        for title, model in models.items():
            given = {"context": test.context, "options": sampling_of(found[title]["protocol"])}
            made[title] = model.counterfactual(test.images, model.graph.spelled({name: values}), **given).images
        if dataset.render is not None and dataset.true_counterfactual is not None:
            made["true"] = dataset.render(labels_under(dataset, test.labels, {name: values}))
        for value, *images in zip(values, test.images, *made.values(), strict=True):
            told = var.spell(value) if var.classes else f"{value:.3g}"
            rows.append((f"do({name} = {told})", np.stack(images), ["factual", *made]))
    image_table(output, rows, f"{dataset.name}: the same test images by every model")
