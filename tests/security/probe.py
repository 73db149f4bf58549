"""Probes that try to access another user's resources. Runs as a cell, and as a control program.

``run`` takes probes as lists: a name, a kind (a function of this file) and its arguments. A probe's
result says what it got, or how it was refused. Standard library only: the file is sent as a cell.
"""

import ctypes
import errno
import json
import os
import socket
import sys
import urllib.error
import urllib.request

_libc = ctypes.CDLL(None, use_errno=True)


def run(probes):
    """Each probe's result by its name: ``got …`` or, for example, ``refused: EACCES``."""
    results = {}
    for name, kind, *arguments in probes:
        try:
            results[name] = f"got {KINDS[kind](*arguments)}"[:500]
        except urllib.error.HTTPError as error:
            results[name] = f"refused: HTTP {error.code}"
            error.close()
        except OSError as error:
            results[name] = f"refused: {errno.errorcode.get(error.errno, error)}"
    return results


def _list(path):
    return sorted(os.listdir(path))


def _read(path):
    with open(path, "rb") as file:
        return file.read(60)


def _write(path):
    # Opens for writing and closes again: changes nothing if it is allowed.
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
    return "the right to write"


def _create(folder):
    path = os.path.join(folder, f"probe-{os.getpid()}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    os.unlink(path)
    return "the right to create"


def _link(path):
    return os.readlink(path)


def _memory(pid):
    with open(f"/proc/{pid}/maps") as maps:
        start = int(next(line for line in maps if " rw" in line).split("-")[0], 16)
    return _memory_at(pid, start)


def _memory_at(pid, start):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        file.seek(start)
        return file.read(16)


def _open_memory(pid):
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
    return "the whole memory"


def _checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def _attach(pid):
    _libc.ptrace.restype = ctypes.c_long
    # PTRACE_SEIZE doesn't stop the process; detaching releases it.
    _checked(_libc.ptrace(0x4206, pid, None, None))
    # PTRACE_DETACH wants a stopped process: PTRACE_INTERRUPT, then wait.
    _libc.ptrace(0x4207, pid, None, None)
    os.waitpid(pid, 0x40000000)
    _libc.ptrace(17, pid, None, None)
    return "attached"


def _vm_read(pid):
    class Part(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    into = ctypes.create_string_buffer(8)
    here = Part(ctypes.cast(into, ctypes.c_void_p), 8)
    there = Part(0, 8)
    result = _libc.process_vm_readv(
        pid,
        ctypes.byref(here),
        ctypes.c_ulong(1),
        ctypes.byref(there),
        ctypes.c_ulong(1),
        ctypes.c_ulong(0),
    )
    # Nothing is mapped at address 0: EFAULT means that reading is allowed.
    if result < 0 and ctypes.get_errno() == errno.EFAULT:
        return "the right to read"
    return _checked(result)


def _take_descriptor(pid):
    handle = os.pidfd_open(pid)
    try:
        taken = _checked(_libc.syscall(438, handle, 0, 0))
        os.close(taken)
        return "a descriptor"
    finally:
        os.close(handle)


def _signal(pid):
    os.kill(pid, 0)
    return "the right to signal"


def _renice(pid):
    os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))
    return "the right to slow down"


def _connect(path):
    with socket.socket(socket.AF_UNIX) as it:
        it.connect(path)
    return "a connection"


def _listen(port):
    with socket.socket() as it:
        it.bind(("127.0.0.1", port))
    return "the port"


def _http(method, url, headers=None, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    with opener.open(request, timeout=20) as answer:
        return f"{answer.status} {answer.read(400)!r}"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args):
        return None


def _descriptors(pid):
    """The files behind the descriptors of one's own process, without pipes, sockets and the like."""
    folder = f"/proc/{pid}/fd"
    found = set()
    for number in os.listdir(folder):
        try:
            found.add(os.readlink(f"{folder}/{number}"))
        except OSError:
            continue
    return sorted(path for path in found if path.startswith("/"))


def _truncate(path):
    """Truncates a file through an inherited descriptor."""
    for number in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{number}") == path:
                os.ftruncate(int(number), 0)
                return f"truncated by {number}"
        except OSError:
            continue
    raise OSError(errno.EBADF, "no descriptor of that file")


KINDS = {
    name[1:]: function
    for name, function in list(globals().items())
    if name.startswith("_") and callable(function) and not isinstance(function, type)
}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    if asked["user"]:
        user, group = asked["user"]
        os.setgroups([group])
        os.setgid(group)
        os.setuid(user)
    print(json.dumps(run(asked["probes"])))
