"""Numbers from tidy frames: a DataFrame in, a DataFrame out. docs/statistics.md has the methods.

for all        pairing                       which rows belong together
               resample, medians, ratios     intervals
accuracy       accuracy                      of an instance; its change on the same images
               answers, agreement, flips     on all devices, image by image
               repeats                       of one device that is asked again
               reliability                   patterns over devices: do they repeat, how alike are they
time           latency                       how it is distributed
               blocks, bursts                its mean over dependent times; begin and rest
               drift, changepoint            does it change along a run
               run_order                     does the order of a run explain it
beside them    delegation, battery           what ran a model; what a run took
the paper's    shares, complexity, tradeoff  Figs. 5 to 9
               complexity_lines, device_class
               vips, vips_sensitivity        Equation 1 and Table IV
               remarks, reproduced           its claims judged; its numbers beside ours
a plan         noise, power, resolution      what the data can show, and what smaller differences need
beyond it      beyond, parity, resize        other frameworks; model files; ways of resizing
               graphs, modules, operators    networks, from the inside
"""
