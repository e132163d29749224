"""The part of the runner that executes on the device. It needs only Python 3.8+, numpy, Pillow and one framework."""
