"""Impairing: the process that carries out impairments in a host, and the packets that it reads and sends."""
