"""Import logs of other programs as raw logs of origin `imported` (docs/importing.md).

A file is read as text, or refused, and its format is recognised. What it states is combined with what the user states
about it. Of the paper's app there are two logs for each session: the result log has a summary of each instance, the
program log a record of each image. The outputs of command-line tools are split into runs, and searched for the delegate
that each run requested and the evidence that it ran. The result is attempts at instances, grouped by measurement
session, which are written as runs, data/raw/<device>/<run>/, completely or not at all.

JSON, YAML and protocol buffers are parsed into dataclasses first (ai_hub, mobile_app, litert_json).

The formats of the app follow its public source code (github.com/BenchCouncil/AIoTBench, 2020 to 2021).
"""
