"""keras-repro-bench: does the same seed give the same bits?"""

__version__ = "0.1.0"
