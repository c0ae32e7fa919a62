"""A tunnel of IPv6 in IPv4 (RFC 4213), in user space."""
