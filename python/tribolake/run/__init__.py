"""A run: its plan, the order of its steps, its warehouse and its report."""
