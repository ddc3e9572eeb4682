"""Make realistic sample laboratory files with known truth for demos, tests and benchmarks."""

from tribolake.oil.synth.lake import SampleLake, write_sample_lake

__all__ = ["SampleLake", "write_sample_lake"]
