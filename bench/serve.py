"""The worker's side of the conversation: a command on each line of standard input, a line of JSON in answer."""

import json
import os
import sys
import time
import traceback


def open_channel():
    """Keeps standard output for answers; whatever libraries print goes to standard error."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def timed(step, steps):
    """One call that does not count, for caches are cold after another program's turn, then `steps` that do."""
    seconds, value = [], None
    for _ in range(steps + 1):
        start = time.perf_counter()
        value = step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[1:], "loss": value}


def serve(channel, ready, build):
    """Says `ready`, then obeys; `build()`, called for the first command, returns {"run": f, "check": f}."""

    def say(answer):
        print(json.dumps(answer), file=channel, flush=True)

    say({"ready": ready})
    commands = None
    for line in sys.stdin:
        word, value = line.split()
        try:
            commands = commands or build()
            say({word: commands[word](int(value))})
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
