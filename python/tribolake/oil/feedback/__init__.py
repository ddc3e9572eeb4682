"""Feedback: what engineers say of a component's alarm, as entries in the lake that are written once."""

FEEDBACK_FOLDER = "feedback"  # below the folder of the product
