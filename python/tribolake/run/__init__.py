"""A run: what it has to do, the order of its steps, the warehouse it works on, and what it reports."""
