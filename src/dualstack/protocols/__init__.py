"""Application protocols and layers, one file each: bytes in, bytes out (sans-IO). No sockets, files or clocks."""
