"""What a system is measured by: its translations, memory, kNN accuracy, speed."""
