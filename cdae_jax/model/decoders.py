"""The kinds of decoders, and what each can do."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Decoder:
    """What a decoder p(x | z) is made of.

    Attributes:
      name: as in config.model.decoder.
      has_draft: it has d(z), the mean image given z, in one pass (`drafts`).
      diffuses: it has a UNet: images are inverted to x_T, decoded in steps, and take guidance.
    """

    name: str
    has_draft: bool
    diffuses: bool


DECODERS = {
    decoder.name: decoder
    for decoder in (
        Decoder("diffusion", has_draft=False, diffuses=True),  # the published one
        Decoder("refiner", has_draft=True, diffuses=True),  # the UNet works on what the draft leaves (arXiv 2201.00308)
        Decoder("conv", has_draft=True, diffuses=False),  # the draft alone, as a VAE has it
    )
}
