"""The numbers of an evaluation as Markdown."""

import textwrap
from collections.abc import Iterable, Sequence

from cdae_jax.counterfactual.sampling import sampling_of
from cdae_jax.data.dataset import Dataset
from cdae_jax.evaluation import experiment, nearness, strength
from cdae_jax.evaluation.inception import NAME as INCEPTION
from cdae_jax.evaluation.lpips import NAME as LPIPS
from cdae_jax.model.decoders import DECODERS

WIDTH = 100
WHOLE_WORDS = {"break_long_words": False, "break_on_hyphens": False}
UNKNOWN = (
    "What a counterfactual's intervals hold cannot be checked where its truth is unknown: checked are factual labels."
)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    lines = (header, ["---"] * len(header), *rows)
    return ["|" + "".join(f" {cell} |" if cell else " |" for cell in cells) for cells in lines]


def number(error: dict, digits: int = 3, mark: str = "") -> str:
    """ "0.037 (0.035..0.040)": a mean, between marks, with its 95 % interval."""
    mean = error["mean"] if "mean" in error else error["normalised"]
    if mean is None:
        return f"{mark}unknown{mark}"
    low, high = error["interval"]
    return f"{mark}{mean:.{digits}f}{mark} ({low:.{digits}f}..{high:.{digits}f})"


def if_known(value: float | None, digits: int = 3) -> str:
    """A number without interval, "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def split_of(results: dict) -> str:
    """The split that was measured: "test" or "validation"."""
    return results["protocol"].get("split", "test")


def _cell(error: dict, mark: str = "") -> str:
    if error["physical"] is None:
        return number(error, mark=mark)
    if "accuracy" in error:
        return f"{mark}{error['normalised']:.3f}{mark} [accuracy {error['accuracy']:.1%}, F1 {error['f1']:.3f}]"
    return f"{number(error, mark=mark)} [{error['physical']:.3g}]"


def _effectiveness(results: dict, dataset: Dataset) -> list[str]:
    graph, protocol = dataset.graph, results["protocol"]
    units = {var.name: f"{var.name} ({var.unit})" if var.unit else var.name for var in graph.variables}
    lines = [
        "Mean absolute error per standard deviation of the training labels (95 % interval) [physical units] between",
        f"the labels read from the image by {protocol['reader']} and the true counterfactual labels. **Intervened**",
        "and *descendant* variables are marked. The factual labels are read by the encoder where they are not given.",
        "",
    ]
    rows, given = [], results.get("given", {})
    for key in (None, "predictor") if protocol["reader"] != "predictor" else (None,):
        shown = []
        for do, errors in results.get("effectiveness", {}).items():
            marks = {do[3:-1]: "**"} | dict.fromkeys(graph.descendants(do[3:-1]), "*")
            shown.append((do, errors, marks))
            if do in given.get("effectiveness", {}):
                shown.append((f"{do}, factual labels given", given["effectiveness"][do], marks))
            if do in results["floor"]:
                shown.append((f"{do}, true image", results["floor"][do], {}))
            if key is None:
                shown.append((f"{do}, factual image left unchanged", results["unchanged"][do], {}))
        shown.append((f"real {split_of(results)} images", results["floor"]["factual"], {}))
        if "composition" in results:
            shown.append(("reconstructed", results["composition"], {}))
        for title, errors, marks in shown:
            cells = [_cell(errors[name][key] if key else errors[name], marks.get(name, "")) for name in graph.names]
            others = number(errors["mean_of_others"]) if key is None and "mean_of_others" in errors else ""
            rows.append([title + (", read by the predictor" if key else ""), *cells, others])
    lines += markdown_table(["images", *(units[name] for name in graph.names), "mean of the others"], rows)
    if "mean_effectiveness" in results:
        told = f"; with the factual labels given {number(given['mean_effectiveness'])}" if given else ""
        lines += ["", f"Mean over all cells of the interventions: {number(results['mean_effectiveness'])}{told}."]
    if "support" in results:
        told, *table = nearness.told(results["support"])
        lines += ["", *told, *markdown_table(*table)]
    return lines


def _experiment(results: dict, dataset: Dataset) -> list[str]:
    if "experiment" not in results:
        return []
    lines, rows = experiment.told(results, dataset.graph.names)
    return lines + markdown_table(["", *dataset.graph.names], rows)


def _strength(results: dict, dataset: Dataset) -> list[str]:
    if "strength" not in results:
        return []
    lines, *table = strength.told(results["strength"], dataset.graph)
    return lines + markdown_table(*table)


def _images(results: dict) -> list[str]:
    """What concerns pixels and features: one row for each intervention."""
    if "realism" not in results:
        return []
    lines = [
        "Pixels on the scale 0..1; features are those of the predictor's penultimate layer. Floor and ceiling stand in",
        "brackets: of the true image for the Frechet distance, of the factual image left unchanged for MSE and SSIM.",
        "Frechet distances are to the factual images: an image left unchanged has 0, and what moves as asked is about",
        "as far as the true image. Sharpness is that of edges, 1 being that of true counterfactuals (of real images,",
        "where nothing renders).",
        "",
    ]
    columns = ("MSE to the true image", "SSIM to the true image", "MSE after undoing", "minimality")
    columns += ("Frechet distance", "sharpness")
    rows = []
    for do, realism in results["realism"].items():
        truth, mse, ssim = results.get("counterfactual_error", {}).get(do), "", ""
        undone, minimality = number(results["reversibility"][do], 5), number(results["minimality"][do])
        if truth:
            mse = f"{number(truth['mse'], 5)} [{truth['mse_unchanged']:.5f}]"
            ssim = f"{number(truth['ssim'])} [{if_known(truth['ssim_unchanged'])}]"
        floor = realism.get("frechet_of_true_images")
        frechet = if_known(realism["frechet"], 2) + ("" if floor is None else f" [{floor:.2f}]")
        rows.append([do, mse, ssim, undone, minimality, frechet, number(realism["sharpness"])])
    lines += markdown_table(["", *columns], rows)
    num, undone = (next(iter(results[section].values()))["count"] for section in ("realism", "reversibility"))
    lines += ["", f"Over {num} images; undoing over {undone}."]
    inception = {do: found.get("frechet_inception") for do, found in results["realism"].items()}
    if None not in inception.values():
        text = ", ".join(f"{do} {value:.1f}" for do, value in inception.items())
        lines += ["", f"Frechet distance on the {INCEPTION} of {num} images: {text}."]
    if "lpips" in results:
        lines += ["", f"{LPIPS} of {num} images; in brackets of the factual image left unchanged.", ""]
        rows = []
        for do, found in results["lpips"].items():
            true = f"{number(found['true'])} [{found['true_unchanged']:.3f}]" if "true" in found else ""
            rows.append([do, number(found["factual"]), true])
        lines += markdown_table(["", "to the factual image", "to the true image"], rows)
    return lines


def _composition(results: dict) -> list[str]:
    if "composition" not in results:
        return []
    found = results["composition"]
    often = next(name for name in found if name.startswith("mse_after_"))
    cycles = often.removeprefix("mse_after_")
    alone = found.get("inversion")
    perceptual = f" {LPIPS} {number(found['lpips'])}." if "lpips" in found else ""
    lost = f" Of the inversion alone: MSE {number(alone['mse'], 5)}, PSNR {alone['psnr']:.1f} dB." if alone else ""
    return [
        f"Null intervention: MSE {number(found['mse'], 5)}, PSNR {found['psnr']:.1f} dB, SSIM {number(found['ssim'])};"
        f" after {cycles} cycles MSE {number(found[often], 5)}, PSNR {found[f'psnr_after_{cycles}']:.1f} dB"
        f" ({found[often]['count']} images).{lost}{perceptual}",
    ]


def _mechanisms(results: dict) -> list[str]:
    lines, given = [], results.get("given", {}).get("mechanism", {})
    if "mechanism_fits.png" in results.get("figures", {}).get("files", ()):
        kinds = ", ".join(f"{kind} of {name}" for name, kind in results["kinds"].items())
        lines.append(f"Mechanisms: {kinds}. Over the labels that they were fitted to: figures/mechanism_fits.png.")
    for do, children in results.get("mechanism", {}).items():
        for child, error in children.items():
            if error["physical"] is not None:
                also = f", with the factual labels given by {_cell(given[do][child])}" if do in given else ""
                lines.append(f"{do}: the model's own {child} is off by {_cell(error)}{also}.")
    for do, children in results.get("noise_redrawn", {}).items():
        for child, error in children.items():
            cell = f"{error['normalised']:.3f} [{error['physical']:.3g}]"
            lines.append(f"{do}: {child} would be off by {cell} with the true mechanism and another image's noise.")
    for do, kept in results.get("context_kept", {}).items():
        read = (
            f"(the judge reads {results['floor']['context_read']['mean']:.1%} of the real {split_of(results)} digits)"
        )
        lines.append(f"{do}: digit kept in {kept['mean']:.1%} {read}.")
    for do, error in results.get("given", {}).get("counterfactual_error", {}).items():
        lines.append(f"{do}: with the factual labels given, MSE to the true image {number(error['mse'], 5)}.")
    return [f"- {line}" for line in lines]


def _latents(results: dict) -> list[str]:
    if "latents" not in results:
        return []
    found = results["latents"]
    block, dimension = (" / ".join(map(if_known, found[f"dci_per_{kind}"].values())) for kind in ("block", "dimension"))
    lines = [
        f"Latents of {found['count']} {split_of(results)} images: DCI disentanglement / completeness per block {block},"
        f" per dimension {dimension}. Correlated labels lower both. MCC of blocks {if_known(found['mcc'])}.",
        "",
    ]
    header = ["variable", "read from all latents (R^2 or accuracy)", "interventional robustness"]
    header += ["R^2 read from its own block [from the best other one]"]
    header += ["u: KS distance to N(0, 1)", "HSIC of u and its parents [shuffled]", "encoder's own reading"]
    rows = []
    for name, read in found["informativeness"].items():
        u, robust = found["calibration"][name], found["interventional_robustness"][name]
        independent = f"{u['hsic']:.3f} [{u['hsic_shuffled']:.3f}]" if "hsic" in u else "-"
        cells = [*map(if_known, (read, robust)), _block_r2(found, name)]
        cells += [if_known(u["ks"]), independent, _cell(found["abduction"][name])]
        rows.append([name, *cells])
    return lines + markdown_table(header, rows)


def _block_r2(found: dict, name: str) -> str:
    """R^2 of a label by its own block, and by the best other one."""
    i = list(found["informativeness"]).index(name)
    own, *others = (found["block_r2"][j][i] for j in (i, *(j for j in range(len(found["block_r2"])) if j != i)))
    return f"{if_known(own)} [{if_known(max(others, default=None, key=lambda r2: -1 if r2 is None else r2))}]"


def _uncertainty(results: dict) -> list[str]:
    if "uncertainty" not in results:
        return []
    found = results["uncertainty"]
    lines = [
        f"How sure: how often the 5..95 % interval of {found['draws']} draws of a label holds the true one (90 % is",
        "right), over all images and those of narrow, middle and wide intervals; widths and errors in standard",
        "deviations of the training labels; rank: correlation of width and error. Of a class: how often the told",
        "one is right, beside the share of draws that have it.",
        "",
    ]
    rows = [[f"factual {name}", *_coverage_cells(one)] for name, one in found["factual"].items()]
    rows += [
        [f"{do}: *{name}*", *_coverage_cells(one)]
        for do, effects in found["do"].items()
        for name, one in effects.items()
    ]
    if "all" in found:
        rows.append(["**all descendants**", *_coverage_cells(found["all"])])
    header = ["", "coverage", "narrow / middle / wide", "mean width", "mean error", "rank"]
    lines += markdown_table(header, rows)
    if "all" not in found:
        lines += ["", UNKNOWN]
    return lines


def _coverage_cells(one: dict) -> list[str]:
    low, high = one["coverage"]["interval"]
    told = f"{one['coverage']['mean']:.1%} ({low:.1%}..{high:.1%})"
    told += f" told {one['sure']:.1%}" if "sure" in one else ""
    parts = " / ".join(f"{share:.0%}" for share in one["by_tercile"])
    return [told, parts, *map(if_known, (one["width"], one["error"], one["rank"]))]


def report_text(results: dict, dataset: Dataset) -> str:
    """The results as Markdown tables."""
    protocol, train = results["protocol"], results["train"]
    sampling = sampling_of(protocol)
    steps = f"{sampling.solver}, {sampling.num_steps} steps"
    if not DECODERS[protocol["decoder"]].diffuses:
        steps = "one pass"
    elif sampling.abduction == "noise":
        steps += f" from fresh noise at depth {sampling.depth:g}, guidance {sampling.guidance:g}"
    else:
        steps += f" each way to depth {sampling.depth:g} ({sampling.evaluations} evaluations)"
        steps += f", guidance {sampling.guidance:g}"
        steps += ", what is lost restored" if sampling.abduction == "restore" else ""
        steps += f", corrections {sampling.corrections}" if sampling.corrections else ""
    if sampling.fit_steps:
        steps += f", labels fitted in {sampling.fit_steps} steps"
    told = results["judge"]["validation"] | ({} if dataset.num_classes else {"wrong_class": None})
    judge = f"The predictor's own errors on held-out training images: {_listed(told)}."
    if rare := _listed(results["judge"]["rare"]):
        judge += f" On the tenth of them whose labels occur together most rarely: {rare}. Under do() it may err more."
    trained = f"Trained for {train['steps']} steps"
    if "seconds" in train:
        trained += f" ({train['images']} images) in {train['seconds'] / 60:.1f} minutes on {train['device']}"
    by = f"; evaluated by revision {protocol['revision']}" if protocol["revision"] else ""
    sections = [
        [f"# {protocol['dataset']}: {protocol['num_images']} {split_of(results)} images", "", f"Decoding: {steps}."],
        _effectiveness(results, dataset),
        _experiment(results, dataset),
        _strength(results, dataset),
        *(section(results) for section in (_images, _composition, _mechanisms, _latents, _uncertainty)),
        [judge],
        [f"{trained}, seed {protocol['train_seed']}{by}."],
    ]
    return wrapped("\n\n".join("\n".join(lines) for lines in sections if lines)) + "\n"


def _listed(errors: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {error:.3f}" for name, error in errors.items() if error is not None)


def wrapped(text: str) -> str:
    """Markdown whose paragraphs and lists have lines of at most WIDTH letters; tables and headings stay."""
    blocks = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("- "):
            block = "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ", **WHOLE_WORDS) for line in lines)
        elif not lines[0].startswith(("|", "#")):
            block = textwrap.fill(" ".join(lines), WIDTH, **WHOLE_WORDS)
        blocks.append(block)
    return "\n\n".join(blocks)
