"""Conversion of networks to the formats of the frameworks, one module each, and calibration of quantized models."""
