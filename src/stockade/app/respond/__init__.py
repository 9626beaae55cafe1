"""The response under a configuration: what could be reached, plans, incidents, a machine rebuilt, and drills."""
