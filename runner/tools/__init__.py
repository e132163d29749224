"""Devices without Python: the frameworks' own command-line tools, driven and read.

    text        lines, numbers and endings of what such a tool printed
    reading     TFLite's benchmark_model, run_eval and inference_diff
    delegates   which accelerator ran, by the lines that TFLite prints of it
    operator_table   the table of times of operators that benchmark_model prints
    litert      LiteRT's benchmark_litert_model
    speed_benchmark  PyTorch's and Caffe2's speed_benchmark
    tally       which lines of an output were understood
    programs    the tools in a folder that the user gives
    commands    the words of a command line
    fitting     what run_eval needs of a model file, of images and of labels
    flatbuffer  a .tflite file with other operators at its ends
    jobs        from an instance of the suite to a job, with its files on the device
    tool_attempt     one attempt at an instance by the tools, as events of the raw log

What is read here comes from devices or from other people: nothing in it can be larger than a stated limit, and
what cannot be understood is said in one sentence. The readers (text to
tally) import no other module of the package.
"""
