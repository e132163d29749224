"""Formats of files to import, and the frameworks, quantizations and delegates that they may be of.

The command line imports this module when it starts, so it only has constants.
"""

from __future__ import annotations

from aiot_suite.suite import ACCELERATED, BEYOND_FRAMEWORKS, FRAMEWORKS, QUANTIZATIONS

SIGNS = {  # searched for at the start of any line
    "app-result": r"^(?:image count:|ram available size:|time_first_img:)",
    "app-program": r"^(?:ic  -  index  -  \d+  -  |start workload \d+ name=)",
    "benchmark_model": (
        r"^Inference timings in us: |^Average inference timings in us: |^Running benchmark for at least |"
        r"^Benchmarking failed|^STARTING!"
    ),
    "run_eval": r"^(?:Evaluated: \d+%|Num evaluation runs: |Top-1 Accuracy: )|Could not run the task evalu",
    "benchmark_litert_model": r"= BENCHMARK RESULTS =|^Model initialization: +[\d.]+ ms",
    "speed_benchmark_torch": r"(?:Micro|Milli)seconds per iter: |PyTorchObserver \{",
    "caffe2_benchmark": r"Milliseconds per iter: |Caffe2Observer \{",
}
LOG_FRAMEWORKS = (*FRAMEWORKS, *BEYOND_FRAMEWORKS, "qnn", "snpe", "samsung")
"""Frameworks that a log may be of."""

LOG_QUANTIZATIONS = (*QUANTIZATIONS, "float", "w8a8", "w8a16", "w4a8", "w4a16", "unknown")
"""Quantizations that a log may state: those of the suite, and names that others use."""

STRUCTURED_SIGNS = {  # JSON and YAML: searched for in the text as it is, before all others
    "ai-hub-perf": r"^precisions:|^ *(?:- )?performance_metrics:",
    "ai-hub-numerics": r"^ *(?:- )?(?:device_metric|partial_torch_metric|num_partial_samples):",
    "ai-hub-job": r'"execution_summary"\s*:',
    "mobile-app": r'"loadgen_scenario"\s*:',
    "benchmark_litert_model-json": r'"fully_accelerated"\s*:',
}
BINARY_FORMATS = ("benchmark_model-result", "model-runtime-info")
"""Formats that are not text: see `litert_json.recognise_binary`."""

FORMATS = (*SIGNS, *STRUCTURED_SIGNS, *BINARY_FORMATS)
"""Names of the formats, as accepted by --log-format."""

UNKNOWN = "unknown"
"""Delegate of a log that does not state one."""

DELEGATES = ("cpu", *ACCELERATED, UNKNOWN)
"""Delegates that a log may have."""
