"""The time of each operator: the study behind the paper's Figs. 1 and 2, and the graphs behind Table II and Fig. 3.

kinds       what kind of operator a name means, in the words of PyTorch
graph       a network as a graph of operators
profile_pytorch  a process that profiles one network in PyTorch
profile_caffe2   the same in Caffe2, with the Python of the legacy environment
session     a run of such processes, one a network
"""
