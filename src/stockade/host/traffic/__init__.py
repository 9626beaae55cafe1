"""Records of network traffic, of whatever origin, read for what an intruder's machine or tool does there."""
