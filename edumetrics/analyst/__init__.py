"""What an analyst calls: questions with answers, other weights, other thresholds."""
