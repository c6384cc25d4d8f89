"""Runs methods on folds: evaluation, comparison, tuning, importance, and METHOD=auto."""
