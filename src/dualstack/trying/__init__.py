"""A program without a manifest: which ports it opens, what it speaks, and what it serves on each kind of host.

What is found out becomes a manifest, which the survey then observes; so both see a service in the same way.
"""
