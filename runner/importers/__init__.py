"""Other people's logs as raw logs of origin `imported`: docs/importing.md.

    source        a file that is given: its text, and what is no text
    formats       which format a text is of
    given         what the user says of the files, and what they say themselves
    parts         what a file becomes: attempts at instances, and the sitting they are of
    app_result    the result log of the paper's app: a summary an instance
    app_program   the program log of the paper's app: a record an image
    app           the two of one sitting together
    proof         which delegate a run was asked to use, and what proves that it ran
    sections      an output with several runs of a tool, cut into the lines of each
    tools         command-line tools: benchmark_model with run_eval, and others
    write         sittings to runs: data/raw/<device>/<run>/, whole or not at all
    session       one call of `aiot import`

Formats of the app are after its public source (github.com/BenchCouncil/AIoTBench, 2020 to 2021).
"""
