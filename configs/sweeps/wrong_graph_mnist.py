"""What a wrong graph costs on MorphoMNIST with the digit as a variable: the edge removed, reversed, and one added."""

RIGHT = {"graph.thickness.parents": (), "graph.intensity.parents": ("thickness",)}


def get_sweep() -> list[dict]:
    wrong = (
        {},
        {"graph.intensity.parents": ()},  # removed
        {"graph.thickness.parents": ("intensity",), "graph.intensity.parents": ()},  # reversed
        {"graph.intensity.parents": ("thickness", "digit")},  # added: digit -> intensity
    )
    return [RIGHT | changes for changes in wrong]
