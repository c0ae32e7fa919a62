"""The lines of a program's output that say why it failed, in many languages, without stack traces and noise."""

import pytest

from dualstack.complaint import said, why

OUTPUTS = {
    "python": (
        """\
starting
Traceback (most recent call last):
  File "/srv/app.py", line 9, in <module>
    main()
  File "/srv/app.py", line 5, in main
    raise settings.Missing("no database is configured")
settings.Missing: no database is configured
""",
        ["settings.Missing: no database is configured"],
    ),
    "python, chained": (
        """\
Traceback (most recent call last):
  File "/srv/app.py", line 2, in <module>
    os.environ["PORT"]
    ~~~~~~~~~~^^^^^^^^
KeyError: 'PORT'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app.py", line 4, in <module>
    bind()
OSError: [Errno 98] Address already in use
""",
        ["KeyError: 'PORT'", "OSError: [Errno 98] Address already in use"],
    ),
    "node, with an object beside the error": (
        """\
RequestError: connect ECONNREFUSED 192.0.2.1:80
    at ClientRequest.<anonymous> (file:///srv/client.mjs:792:107) {
  code: 'ECONNREFUSED',
  timings: {
    error: 1796090814514,
    abort: undefined
  },
  options: {
    errorCodes: [
      'ETIMEDOUT',
      'EADDRINUSE'
    ]
  }
}
""",
        ["RequestError: connect ECONNREFUSED 192.0.2.1:80"],
    ),
    "statistics after the error": (
        """\
Unable to get a UDP socket (3), errno = 97 (Address family not supported by protocol)
0 open sockets            0/0/0 UDP errors (send/recv/cong)
                          Messages  Retrans  Timeout  Unexpected-Msg
----------> OPTIONS       0         0        0        0
""",
        ["Unable to get a UDP socket (3), errno = 97 (Address family not supported by protocol)"],
    ),
    "python, syntax": (
        '  File "/srv/app.py", line 1\n    def\n       ^\nSyntaxError: invalid syntax\n',
        ["SyntaxError: invalid syntax"],
    ),
    "node": (
        """\
node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use :::8080
    at Server.setupListenHandle [as _listen2] (node:net:1817:16)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1796:8)
    at process.processTicksAndRejections (node:internal/process/task_queues:82:21) {
  code: 'EADDRINUSE',
  errno: -98,
  syscall: 'listen',
  address: '::',
  port: 8080
}

Node.js v20.10.0
""",
        ["Error: listen EADDRINUSE: address already in use :::8080"],
    ),
    "node, with a word for a fault in the line of its source": (
        """\
listening
node:internal/url:806
    const href = bindingUrl.parse(input, base, raiseException);
                            ^

TypeError: Invalid URL
    at new URL (node:internal/url:806:29)
    at Server.<anonymous> (/srv/shop/server.js:4:15) {
  code: 'ERR_INVALID_URL',
  input: 'http://[fe80::1%eth0]/'
}

Node.js v20.20.2
""",
        ["TypeError: Invalid URL"],
    ),
    "java": (
        """\
INFO  the error handler is installed
Exception in thread "main" java.lang.IllegalStateException: cannot start
\tat shop.Main.main(Main.java:5)
Caused by: java.net.BindException: Address already in use
\tat java.base/sun.nio.ch.Net.bind0(Native Method)
\t... 5 more
""",
        [
            'Exception in thread "main" java.lang.IllegalStateException: cannot start',
            "Caused by: java.net.BindException: Address already in use",
        ],
    ),
    "java, options": (
        (
            "Unrecognized option: --port\nError: Could not create the Java Virtual Machine.\n"
            "Error: A fatal exception has occurred. Program will exit.\n"
        ),
        ["Unrecognized option: --port"],
    ),
    "go": (
        """\
panic: open config.yml: no such file or directory

goroutine 1 [running]:
errors.Must(...)
\t/srv/errors.go:10 +0x1d
created by main.main in goroutine 1
\t/srv/main.go:4 +0x2a
exit status 2
""",
        ["panic: open config.yml: no such file or directory"],
    ),
    "go, log": (
        "2024/01/01 10:00:00 listen tcp :8080: bind: address already in use\nexit status 1\n",
        ["2024/01/01 10:00:00 listen tcp :8080: bind: address already in use"],
    ),
    "rust": (
        """\
thread 'main' panicked at src/main.rs:5:10:
called `Result::unwrap()` on an `Err` value: Os { code: 98, kind: AddrInUse, message: "Address already in use" }
stack backtrace:
   0: rust_begin_unwind
             at /rustc/0f1e/library/std/src/panicking.rs:617:5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
""",
        [
            (
                "called `Result::unwrap()` on an `Err` value: "
                'Os { code: 98, kind: AddrInUse, message: "Address already in use" }'
            )
        ],
    ),
    "c": ("listening\nbind: Address already in use\nbye\n", ["bind: Address already in use"]),
    "c++": (
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  the disk is full\n",
        ["terminate called after throwing an instance of 'std::runtime_error'", "what():  the disk is full"],
    ),
    "ruby": (
        (
            "/srv/app.rb:2:in `bind': Address already in use - bind(2) (Errno::EADDRINUSE)\n"
            "\tfrom /srv/app.rb:2:in `error'\n\tfrom /srv/app.rb:9:in `<main>'\n"
        ),
        ["/srv/app.rb:2:in `bind': Address already in use - bind(2) (Errno::EADDRINUSE)"],
    ),
    "erlang": (
        (
            "=ERROR REPORT==== 1-Jan-2024::12:00:00 ===\n** Generic server shop terminating\n** {eaddrinuse,[]}\n\n"
            "Crash dump is being written to: erl_crash.dump...done\n"
        ),
        ["** Generic server shop terminating", "** {eaddrinuse,[]}"],
    ),
    "php": (
        (
            "PHP Fatal error:  Uncaught RuntimeException: no port in a.php:3\nStack trace:\n#0 a.php(5): err()\n"
            "#1 {main}\n  thrown in a.php on line 3\n"
        ),
        ["PHP Fatal error:  Uncaught RuntimeException: no port in a.php:3"],
    ),
    ".net": (
        (
            "Unhandled exception. System.IO.IOException: Failed to bind to http://[::]:8080.\n"
            " ---> System.Net.Sockets.SocketException (98): Address already in use\n"
            "   at System.Net.Sockets.Socket.Bind(EndPoint)\n   --- End of inner exception stack trace ---\n"
        ),
        [
            "Unhandled exception. System.IO.IOException: Failed to bind to http://[::]:8080.",
            "---> System.Net.Sockets.SocketException (98): Address already in use",
        ],
    ),
    "lua": (
        "lua: a.lua:1: module 'socket' not found:\n\tno field package\nstack traceback:\n\t[C]: in ?\n",
        ["lua: a.lua:1: module 'socket' not found:"],
    ),
    "nginx, again and again": (
        (
            "2024/01/01 12:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
            "2024/01/01 12:00:01 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
        ),
        ["2024/01/01 12:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)"],
    ),
    "bash": ("run.sh: line 2: shop: command not found\n", ["run.sh: line 2: shop: command not found"]),
    "dash": ("sh: 1: shop: not found\n", ["sh: 1: shop: not found"]),
    "argparse": (
        "usage: shop [-h]\nshop: error: unrecognized arguments: --foo\n",
        ["usage: shop [-h]", "shop: error: unrecognized arguments: --foo"],
    ),
    "json": (
        '{"level":"info","msg":"up","error":null}\n{"level":"fatal","msg":"listen tcp :80: bind: permission denied"}\n',
        ['{"level":"fatal","msg":"listen tcp :80: bind: permission denied"}'],
    ),
    "colours": ("\x1b[31mERROR\x1b[0m the licence has ended\n", ["ERROR the licence has ended"]),
    "a file": ("config.yml: no such file\n", ["config.yml: no such file"]),
    "nothing that is said to fail": (
        "0 errors\nINFO error pages are on\nthe licence has ended\n\n",
        ["the licence has ended"],
    ),
    "nothing at all": ("\n  \n", []),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_a_program_says(name: str) -> None:
    """The lines that name the fault are found, in order and without stack frames."""
    output, lines = OUTPUTS[name]
    assert why(output) == tuple(lines)


@pytest.mark.parametrize(
    "line",
    [
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "thread 'main' panicked at src/main.rs",
        "OSError: [Errno 98] Address already in use",
        "Error: listen EADDRINUSE: address already in use :::80",
        "listen tcp6 [::1]:80: bind: cannot assign requested address",
        "WARNING: IPv6 is not available",
        "Could not create server TCP listening socket *:6379",
        "Unable to bind",
    ],
)
def test_a_complaint_is_found(line: str) -> None:
    """Lines in which programs report that something did not work are recognized in any position."""
    assert why(f"starting\n  {line}\nready\n") == (line,)


@pytest.mark.parametrize("text", ["", "listening on [::]:80\n", "Server started\nready to accept connections\n"])
def test_no_complaint(text: str) -> None:
    """Lines that report no failure are not recognized: only the last one is returned."""
    assert why(text) == tuple(text.splitlines()[-1:])


def test_the_most_severe_lines_are_chosen() -> None:
    """The most severe lines are returned, and the last ones of equal severity."""
    output = "".join(f"ERROR: shard {number}\n" for number in range(9)) + "FATAL: no shard is left\nshutting down\n"
    assert why(output, 3) == ("ERROR: shard 7", "ERROR: shard 8", "FATAL: no shard is left")


def test_a_warning_alone_is_shown() -> None:
    """If there is nothing more severe, a warning is preferred to the last line."""
    assert why("WARN the clock is slow\nbye\n") == ("WARN the clock is slow",)


def test_a_long_line_is_cut() -> None:
    """A line of any length fits into a report."""
    assert len(why("error: " + "x" * 9000)[0]) == 300


@pytest.mark.parametrize("flood", ["x" * 300_000, "y\n" * 150_000, " " * 300_000, "thread '" * 40_000])
def test_a_flood_takes_no_time(flood: str) -> None:
    """Of output without end, or of one endless line, the beginning and the end are looked at."""
    assert why(f"{flood}\nfatal: the disk is full\n")[-1] == "fatal: the disk is full"


def test_as_the_end_of_a_sentence() -> None:
    """Two lines are quoted; that a program printed nothing is said."""
    assert said("a: error: one\nb: error: two\n") == '; its output says: "a: error: one" and "b: error: two"'
    assert said("\n") == "; it printed nothing"
