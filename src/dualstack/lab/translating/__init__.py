"""Translating: the process that translates between IPv4 and IPv6 packets in a host (RFC 7915)."""
