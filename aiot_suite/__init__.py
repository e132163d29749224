"""The benchmark suite, which defines what is executed: models, weights, conversions, datasets and the instances.

Only `preprocess` runs on devices: it is compatible with Python 3.8 and is pushed together with the agent.
"""
