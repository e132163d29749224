"""Tests of pages in a real Chromium, which opens them from files without a network."""
