"""Finds secrets where they lie: in files, environments, histories and databases; keeps of each a fingerprint alone."""
