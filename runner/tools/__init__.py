"""Devices without Python: running the frameworks' own command-line tools and reading their output.

    text        lines, numbers and exit states in the output of such a tool
    reading     TFLite's benchmark_model, run_eval and inference_diff
    delegates   which accelerator ran, according to the lines that TFLite prints about it
    operator_table   the table of operator times that benchmark_model prints
    litert      LiteRT's benchmark_litert_model
    speed_benchmark  PyTorch's and Caffe2's speed_benchmark
    tally       which lines of an output were understood
    programs    the tools in a folder given by the user
    commands    the words of a command line
    fitting     adapting a model file, images and labels to run_eval
    flatbuffer  adding operators at the ends of a .tflite file
    jobs        from an instance of the suite to a job, with its files on the device
    tool_attempt     one attempt at an instance by the tools, as events of the raw log

The text read here comes from devices or from other people: no part of it can exceed a stated limit, and text that
cannot be understood is reported in one sentence. The readers (text to tally) import no other module of the package.
"""
