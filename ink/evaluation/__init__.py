"""What a system is measured by: translation quality, significance, memory, kNN accuracy, speed."""
