"""The network: encoder, causal layer, label prior, decoders."""
