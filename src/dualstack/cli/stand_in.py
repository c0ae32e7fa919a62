"""Run by execnet instead of a Python interpreter: passes its standard streams to a waiting worker, see `workers`.

usage: stand_in.py NAME WORD... (the words of the interpreter's command line)

If there is no such worker, it becomes the interpreter. To be fast, it imports
only modules that every interpreter loads.
"""

import _socket
import os
import struct
import sys


def main() -> None:
    """Pass the streams on; return when the worker has ended."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(b"\0" + sys.argv[1].encode())
    except OSError:
        os.execv(sys.executable, [sys.executable, *sys.argv[2:]])  # noqa: S606 - no shell is wanted
    streams = struct.pack("3i", 0, 1, 2)
    connection.sendmsg([sys.argv[-1].encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    for descriptor in (0, 1):
        os.close(descriptor)  # the worker has them now; this process waits for its end
    connection.recv(1)


if __name__ == "__main__":
    main()
