"""The one exception that a user's mistake raises."""


class InputError(ValueError):
    """A mistake in a config, a graph, a do(), an image or a data file.

    Its message is one sentence that names the offending value, what was expected and the fix.
    The commands print it and exit with code 2.
    """
