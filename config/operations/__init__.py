"""What a running collector tells of itself: health, readiness, metrics."""
