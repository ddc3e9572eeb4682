"""Measure sets of expert rules by the verdicts of laboratories on the same samples."""
