"""Import logs of other programs as raw logs of origin `imported` (docs/importing.md).

    source        reading an input file: its text, or a refusal if it is not text
    formats       recognising the format of a text
    given         what the user states about the files, combined with what the files state
    parts         what a file becomes: attempts at instances, grouped by measurement session
    app_result    the result log of the paper's app: one summary per instance
    app_program   the program log of the paper's app: one record per image
    app           both logs of one session combined
    proof         the delegate that a run requested, and the evidence that it ran
    sections      splitting an output with several runs of a tool into the lines of each run
    tool_output   command-line tools: benchmark_model with run_eval, and others
    write         writing sessions as runs, data/raw/<device>/<run>/, completely or not at all
    session       one call of `aiot import`

The formats of the app follow its public source code (github.com/BenchCouncil/AIoTBench, 2020 to 2021).
"""
