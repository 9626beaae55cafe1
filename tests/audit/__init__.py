"""The audit log: what is in it stays in it, and whoever says otherwise is found out."""
