"""lionrock's commands as processes that begin with the program loaded: a line each, a fork each.

Loading the program costs more than a second and says the same each time; arguments, environment,
folder, output and exit code are a process's own. What must hold from nothing (the installed
command, its first import) is for those tests that start `lionrock` itself.
Asked on stdin with {"words", "environment", "folder"}; answers {"code", "out", "err"} in JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any, BinaryIO

from lionrock.cli import main


def become(asked: dict[str, Any], out: BinaryIO, err: BinaryIO) -> None:
    """Be the command that is asked for; does not return."""
    code = 70
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for opened, handle in ((nothing, 0), (out.fileno(), 1), (err.fileno(), 2)):
            os.dup2(opened, handle)
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.chdir(asked["folder"])
        sys.argv = ["lionrock", *asked["words"]]
        try:
            main()
            code = 0
        except SystemExit as left:
            if isinstance(left.code, str):
                print(left.code, file=sys.stderr)
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Run one command as a process of its own."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            become(asked, out, err)
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return {"code": os.waitstatus_to_exitcode(status), "out": texts[0], "err": texts[1]}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), flush=True)
