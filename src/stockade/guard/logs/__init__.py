"""The guard over logs, where a service cannot be fronted: watch a growing log, try rules on an old one."""
