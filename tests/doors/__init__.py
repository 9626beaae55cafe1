"""The guard inside real web frameworks, behind their own test clients and real servers."""
