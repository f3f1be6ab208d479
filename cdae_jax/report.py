"""The numbers of an evaluation as Markdown."""

from cdae_jax.data.dataset import Dataset


def _cell(error: dict, mark: str) -> str:
    if error["physical"] is None:
        return f"{mark}unknown{mark}"
    if "accuracy" in error:
        return f"{mark}{error['normalised']:.3f}{mark} [accuracy {error['accuracy']:.1%}, F1 {error['f1']:.3f}]"
    return f"{mark}{error['normalised']:.3f}{mark} [{error['physical']:.3g}]"


def report(results: dict, dataset: Dataset) -> str:
    """The results as Markdown tables: normalised, with the physical error in brackets."""
    graph, protocol = dataset.graph, results["protocol"]
    units = {var.name: f"{var.name} ({var.unit})" if var.unit else var.name for var in graph.variables}
    lines = [
        f"# {protocol['dataset']}: {protocol['num_images']} test images, {protocol['num_steps']} + "
        f"{protocol['num_steps']} network evaluations, guidance {protocol['guidance']:g}",
        "",
        "Mean absolute error per standard deviation of the training labels [in physical units] between the labels",
        f"read from the image by {protocol['reader']} and the true counterfactual labels. **Intervened** and",
        "*descendant* variables are marked.",
        "",
        "| images | " + " | ".join(units[name] for name in graph.names) + " | mean of the others |",
        "| --- |" + " --- |" * (len(graph) + 1),
    ]

    def row(title, errors, mark=lambda name: "", key=None):
        cells = []
        for name in graph.names:
            cells.append(_cell(errors[name][key] if key else errors[name], mark(name)))
        others = errors.get("mean_of_others") if key is None else None
        return f"| {title} | " + " | ".join(cells) + f" | {'' if others is None else f'{others:.3f}'} |"

    for key in (None, "predictor") if protocol["reader"] != "predictor" else (None,):
        suffix = ", read by the predictor" if key else ""
        for do, errors in results["effectiveness"].items():
            name = do[3:-1]
            marks = {name: "**"} | dict.fromkeys(graph.descendants(name), "*")
            lines.append(row(do + suffix, errors, lambda other, marks=marks: marks.get(other, ""), key))
            if do in results["floor"]:
                lines.append(row(f"{do}, true image{suffix}", results["floor"][do], key=key))
            if key is None:
                lines.append(row(f"{do}, factual image left unchanged", results["unchanged"][do]))
        lines.append(row(f"real test images{suffix}", results["floor"]["factual"], key=key))
        lines.append(row(f"reconstructed{suffix}", results["composition"], key=key))
    lines += ["", f"Reconstruction: PSNR {results['composition']['psnr']:.1f} dB."]
    for do, error in results.get("counterfactual_error", {}).items():
        lines.append(
            f"{do}: pixel MSE against the rendered truth {error['mse']:.5f}"
            f" (factual image unchanged: {error['mse_unchanged']:.5f}), scale 0..1."
        )
    for do, children in results["mechanism"].items():
        for child, error in children.items():
            if error["physical"] is None:
                continue
            lines.append(
                f"{do}: the model's own {child} is off by {error['normalised']:.3f} [{error['physical']:.3g}]."
            )
    for do, children in results.get("noise_redrawn", {}).items():
        for child, error in children.items():
            cell = f"{error['normalised']:.3f} [{error['physical']:.3g}]"
            lines.append(f"{do}: {child} would be off by {cell} with the true mechanism and another image's noise.")
    for do, kept in results.get("context_kept", {}).items():
        lines.append(
            f"{do}: digit kept in {kept:.1%} (the judge reads {results['floor']['context_read']:.1%}"
            " of the real test digits)."
        )
    train = results["train"]
    lines += [
        "",
        f"Trained for {train['steps']} steps"
        + (
            f" ({train['images']} images) in {train['seconds'] / 60:.1f} minutes on {train['device']}."
            if "seconds" in train
            else "."
        ),
    ]
    return "\n".join(lines) + "\n"
