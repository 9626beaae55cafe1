"""The guard's pure parts, one by one."""
