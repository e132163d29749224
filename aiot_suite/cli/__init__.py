"""Commands that prepare models and datasets, a module for each. Heavy imports happen inside the commands."""
