"""The review reads sensibly at three in the morning, and says what it cannot know."""
