"""Convert a network to the formats of the frameworks, a module for each, and calibrate quantized models."""
