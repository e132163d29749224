"""Statistics on tidy frames: DataFrames in, DataFrames out. docs/statistics.md describes the methods.

all topics      pairing                       matching the rows and the images of a comparison
                intervals, variance           bootstrap, medians, corrections; what another run would give
accuracy        accuracy                      accuracy of an instance; change on the same images; repeated answers
                agreement                     comparison of all devices, image by image
published       answer_sets                   answers that others published: which agree, and what samples show
                answer_set_claims             the paper's Remark 1 on them
                published_speed               profile jobs that others published: operations, runtimes, integers, scores
                published_speed_claims        the paper's Remarks 2 to 6 on them
                published_claims              verdicts on claims translated to published data
time            latency                       distribution of times; ratios of the times of instances
                blocks                        mean of dependent times
                drift                         change in time along a run; effect of the order of instances
execution       execution                     what executed a model; what a run consumed; whether model files agree
the paper's     shares, complexity, tradeoff  Figs. 5 to 9
                operators                     Figs. 1 to 3 and Table II
                vips, vips_sensitivity        Equation 1 and Table IV
                resize                        ways of resizing
                remarks, reproduced           verdicts on its claims; its numbers beside ours
planning        noise, resolution             what the data can show, and what smaller differences need
"""

from aiot_analysis import lazy

__getattr__, __dir__ = lazy.modules(__name__, __path__)
