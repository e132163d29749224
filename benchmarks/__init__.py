"""Benchmarks of the toolkit against comparable tools (peers), measured side by side in the same run; see README.md."""
