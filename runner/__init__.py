"""Runs the AIoTBench suite on devices and writes raw logs.

This package never imports the analysis half; the raw log format (`runner.rawlog`) is all they share.
"""
