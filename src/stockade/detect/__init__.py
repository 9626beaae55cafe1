"""Notices what matters: Sigma rules, correlations and what was never seen before, over entries as they come."""
