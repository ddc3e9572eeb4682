"""Publishing: what other teams read, always complete and always from one run."""
