"""Models scored by the MorphoMNIST benchmark's protocol (`evaluation.morpho_benchmark`) in one table."""

import json
import pathlib

from cdae_jax.errors import InputError
from cdae_jax.evaluation.morpho_report import CELLS, THEIRS, cells, composition_rows
from cdae_jax.evaluation.report import markdown_table, wrapped
from cdae_jax.paths import expanded

SAME = ("test_images", "num_images", "judges", "judge_mode", "seed")  # fields of the protocol that must agree
PARTS = ("unchanged", "labels_given", "labels_read", "real_images", "published")
HOW = ("given", "read")


def read_scores(folder: str | pathlib.Path) -> dict:
    """The benchmark.json of a scored folder. Raises InputError if there is none, or it holds no such scores."""
    path = expanded(folder) / "benchmark.json"
    command = f"cdae evaluate --workdir={folder} --protocol=benchmark --judges=<folder>"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as err:
        raise InputError(f"{path} cannot be read ({err}): run {command} first") from err
    protocol = found.get("protocol") if isinstance(found, dict) else None
    missing = [name for name in SAME if name not in (protocol or {})]
    missing += [name for name in PARTS if name not in found]
    if missing:
        raise InputError(f"{path} has no {', '.join(missing)}: it is not what {command} writes, run that again")
    return found


def check_same(named: dict[str, dict]) -> None:
    """Raises InputError unless all scores are of the same test images by the same judges and targets."""
    for field in SAME:
        values = {name: scores["protocol"][field] for name, scores in named.items()}
        if len(set(values.values())) > 1:
            told = ", ".join(f"{value!r} of {name}" for name, value in values.items())
            raise InputError(f"the scores differ in {field} ({told}): score them alike, then compare")


def comparison_text(named: dict[str, dict]) -> str:
    """Scores by model name as Markdown: a row for each intervention, model and way to know the factual labels.

    Nothing is bold, since the published rows are of another test set.
    """
    first = next(iter(named.values()))
    protocol, published = first["protocol"], first["published"]
    rows = []
    for do in dict.fromkeys(do for scores in named.values() for do in scores["unchanged"]):
        measured = {name: scores for name, scores in named.items() if do in scores["unchanged"]}
        for name, scores in measured.items():
            rows += [[do, name, how, *cells(scores[f"labels_{how}"][do])] for how in HOW]
        unchanged = next(iter(measured.values()))["unchanged"][do]
        rows.append([do, "factual image left unchanged", "", *cells(unchanged)])
        rows += [[do, f"{THEIRS}, its test set", "given", *cells(published["effectiveness"][do])]]
    rows.append(["real images", "floor", "", *cells(first["real_images"])])
    rows.append(["real images", "floor, its test set", "", *cells(published["effectiveness"]["real images"])])
    lost = [[name, *row] for name, scores in named.items() for row in composition_rows(scores)]
    lost.append(
        [f"{THEIRS}, its test set", "labels given", *(f"{published['composition'][c]:.2f}" for c in ["1", "10"])]
    )
    trained = [[name, *_training(scores)] for name, scores in named.items()]
    sections = [
        [f"# MorphoMNIST by the protocol of arXiv 2403.20287: {protocol['num_images']} test images"],
        [
            f"Test set: {protocol['test_set']}. Judges {protocol['judges']}, batch norm in {protocol['judge_mode']}",
            f"mode. Rows of another test set stand here for orientation. Source: {published['source']}.",
        ],
        [
            "Mean absolute error (95 % interval over images) of what the judges read against the true mechanism, and",
            "the share of right digits, with the factual labels given or read by the model.",
            "",
            *markdown_table(["images", "of", "labels", *CELLS], rows),
        ],
        [
            "Mean absolute difference in grey levels after doing nothing, over 32 x 32 pixels.",
            "",
            *markdown_table(["", "of", "1 cycle", "10 cycles"], lost),
        ],
        markdown_table(["model", "steps", "minutes", "decoding", "revision"], trained),
    ]
    return wrapped("\n\n".join("\n".join(lines) for lines in sections)) + "\n"


def _training(scores: dict) -> list[str]:
    protocol, train = scores["protocol"], scores.get("train", {})
    minutes = f"{train['seconds'] / 60:.1f}" if "seconds" in train else "-"
    decoding = f"{protocol['solver']}, {protocol['num_steps']} steps, {protocol['abduction']}"
    decoding += f", depth {protocol['depth']:g}, corrections {protocol['corrections']}"
    return [f"{protocol['step']}", minutes, decoding, protocol["revision"] or "-"]
