"""Models before and after they answer: trained, tried, kept, loaded and evaluated."""
