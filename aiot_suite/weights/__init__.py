"""Models: facts, weights, and conversion to each framework and quantization."""
