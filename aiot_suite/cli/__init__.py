"""Commands that prepare models and datasets, one module each. Heavy imports are inside the commands."""
