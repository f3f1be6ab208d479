"""The kinds of decoders: what each says that it can do is what its model has parameters for."""

import jax
import pytest
from networks import SHAPE, small_model

from cdae_jax.model.causal_diffae import init_params
from cdae_jax.model.decoders import DECODERS


@pytest.mark.parametrize("name", DECODERS)
def test_a_model_has_the_parts_that_its_decoder_claims(name):
    decoder = DECODERS[name]
    assert decoder.name == name
    params = jax.eval_shape(lambda: init_params(small_model(name), jax.random.key(0), SHAPE))["params"]
    assert ("unet" in params, "conv_decoder" in params) == (decoder.diffuses, decoder.has_draft)
    # The draft is seen beside the image, in as many channels again.
    if decoder.diffuses:
        stem = params["unet"]["Conv_0"]["kernel"].shape
        assert stem[2] == 4 * 4 * (6 if decoder.has_draft else 3)


def test_every_combination_that_makes_an_image_has_a_name():
    assert sorted((decoder.has_draft, decoder.diffuses) for decoder in DECODERS.values()) == [
        (False, True),
        (True, False),
        (True, True),
    ]
