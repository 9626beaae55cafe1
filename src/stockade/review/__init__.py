"""Goes through what an account, or everybody, has done: class by class, and says what it cannot know."""
