"""Stewart limits: percentile alarm limits of every group at once, and how sure they are."""
