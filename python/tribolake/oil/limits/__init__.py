"""Stewart limits: percentile alarm limits of all groups, with their confidence."""
