"""The kinds of decoders p(x | z), and what each can do."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Decoder:
    name: str  # in config.model.decoder
    has_draft: bool  # it has d(z), the mean image given z, in one pass (`drafts`)
    diffuses: bool  # it has a UNet: images are inverted to x_T, decoded in steps, and take guidance


DECODERS = {
    "diffusion": Decoder("diffusion", has_draft=False, diffuses=True),  # the published one
    "refiner": Decoder("refiner", has_draft=True, diffuses=True),  # of what a draft leaves (arXiv 2201.00308)
    "conv": Decoder("conv", has_draft=True, diffuses=False),  # the draft alone, as a VAE has it
}
