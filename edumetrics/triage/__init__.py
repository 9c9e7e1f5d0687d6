"""Who an advisor should reach this week, why, and in which order: frames in, frames out."""
