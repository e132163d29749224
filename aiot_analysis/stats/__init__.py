"""Statistics on tidy frames: DataFrames in, DataFrames out. docs/statistics.md describes the methods.

all topics      pairing                       matching the rows of a comparison
                resample, medians, ratios     intervals
accuracy        accuracy                      accuracy of an instance; change on the same images
                answers, agreement, flips     comparison of all devices, image by image
                repeats                       repeated answers of one device
                reliability                   patterns over devices: whether they repeat, how similar they are
time            latency                       distribution of times
                blocks, bursts                mean of dependent times; start of a run against the remainder
                drift, changepoint            change in time along a run
                run_order                     effect of the order of instances in a run
execution       delegation, battery           what executed a model; what a run consumed
the paper's     shares, complexity, tradeoff  Figs. 5 to 9
                complexity_lines, device_class
                vips, vips_sensitivity        Equation 1 and Table IV
                remarks, reproduced           verdicts on its claims; its numbers beside ours
planning        noise, power, resolution      what the data can show, and what smaller differences need
beyond it       beyond, parity, resize        other frameworks; model files; ways of resizing
                graphs, modules, operators    the structure of networks
"""

from aiot_analysis import lazy

__getattr__, __dir__ = lazy.modules(__name__, __path__)
