"""The requirements that a shop must meet, beyond those of dualstack."""
