"""The benchmark suite: what is executed. Models, weights, conversions, datasets and the list of instances.

Nothing here runs on a device but `preprocess`, which is written in Python 3.8 and is pushed together with the agent.
"""
