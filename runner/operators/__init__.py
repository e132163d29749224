"""The time of each operator: the study behind the paper's Figs. 1 and 2, and the graphs behind Table II and Fig. 3.

Each network is timed in a process of its own, in PyTorch or, with the Python of the legacy environment, in Caffe2.
"""
