"""What the rules notice, and what they leave alone."""
