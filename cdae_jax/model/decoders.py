"""The kinds of decoders, and what each can do."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Decoder:
    """A decoder p(x | z), by its name in config.model.decoder.

    Attributes:
      has_draft: it has d(z), the mean image given z, in one pass (`drafts`).
      diffuses: it has a UNet: images are inverted to x_T, decoded in steps, and take guidance.
    """

    name: str
    has_draft: bool
    diffuses: bool


DECODERS = {
    "diffusion": Decoder("diffusion", has_draft=False, diffuses=True),  # the published one
    "refiner": Decoder("refiner", has_draft=True, diffuses=True),  # of what a draft leaves (arXiv 2201.00308)
    "conv": Decoder("conv", has_draft=True, diffuses=False),  # the draft alone, as a VAE has it
}
