"""What a wrong graph costs on the circuit look-alike: one edge removed, reversed or added, beside the right one.

The data stay as they are: errors are against the true mechanisms. configs/circuit_hidden_cause.py hides a common cause.
"""

RIGHT = {"graph.arm.parents": (), "graph.blue.parents": ("arm",), "graph.green.parents": ("arm",)}
RIGHT |= {"graph.red.parents": ("arm", "blue", "green")}


def get_sweep() -> list[dict]:
    wrong = (
        {},
        {"graph.red.parents": ("arm", "blue")},  # removed: green -> red
        {"graph.blue.parents": ()},  # removed: arm -> blue
        {"graph.arm.parents": ("blue",), "graph.blue.parents": ()},  # reversed: arm -> blue
        {"graph.blue.parents": ("arm", "red"), "graph.red.parents": ("arm", "green")},  # reversed: blue -> red
        {"graph.green.parents": ("arm", "blue")},  # added: blue -> green
    )
    return [RIGHT | changes for changes in wrong]
