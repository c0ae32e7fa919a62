"""Evidence from packets: recording them, classifying them, and what they must show."""
