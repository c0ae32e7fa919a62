"""Our own peer inside a lab host: it dials, serves, resolves, starts services and reads the kernel's tables."""
