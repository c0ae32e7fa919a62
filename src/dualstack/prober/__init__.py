"""The prober inside a lab host: it dials, serves, resolves names, starts programs and reads the kernel's tables."""
