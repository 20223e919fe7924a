"""Grading a folder of submissions that are not trusted; ``python -m labkit.grading --help`` says how."""
