"""Starts the mock providers and the gateways, pinned and in folders of their own, and ends them."""

import dataclasses
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from gateways import Gateway, Places, WEIR_LIMITS, fill


class Failed(Exception):
    """Something that was started did not do what it should; the text says what."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connections_allowed():
    """Of a gateway: each request needs two descriptors, and some are needed for other things."""
    return (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500) // 2


def raise_descriptors(wanted=120_000):
    """As many as allowed, for all that is started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, soft), max(wanted, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def start(command, cores, **kwargs):
    return subprocess.Popen(["taskset", "-c", ",".join(map(str, cores))] + command, **kwargs)


@dataclasses.dataclass
class Running:
    """A gateway that serves. `process` is None for "direct", which is no gateway."""
    name: str
    gateway: object
    places: object
    process: object = None

    def url(self, upstream):
        return f"http://127.0.0.1:{getattr(self.places, self.gateway.port[upstream])}"


class Stage:
    """All that runs during a measurement. Use it with `with`: it ends everything it started."""

    def __init__(self, work, bin_folder, layout):
        self.work, self.bin, self.layout = pathlib.Path(work), pathlib.Path(bin_folder), layout
        self.started, self.files = [], []
        self.count = 0

    def __enter__(self):
        self.ca = make_certificate(self.work)
        self.upstream = self.mock([])
        self.tls_upstream = self.mock(["--tls", "--cert", self.ca,
                                       "--key", str(self.work / "key.pem")])
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            self.end(process)
        for file in self.files:
            file.close()

    def end(self, process):
        if process in self.started:
            self.started.remove(process)
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def mock(self, options):
        process = start([str(self.bin / "mock_upstream"), "--listen", "127.0.0.1:0"] + options,
                        self.layout.mock, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        line = process.stdout.readline()
        if ":" not in line:
            raise Failed("the mock provider did not start")
        return int(line.rsplit(":", 1)[1])

    def open(self, gateway, cores=None, workers=1, prefix=(), limits=True, validation="full",
             log=True):
        """Starts a gateway and waits until it serves."""
        self.count += 1
        folder = self.work / f"{gateway.name}-{self.count}"
        folder.mkdir()
        places = Places(work=str(folder), port=free_port(), tls_port=free_port(),
                        upstream=self.upstream, tls_upstream=self.tls_upstream, ca=self.ca,
                        bin=str(self.bin), workers=workers, validation=validation,
                        connections=connections_allowed(),
                        limits=WEIR_LIMITS if limits else "",
                        log=f"file:{folder}/access.log" if log else "off")
        for name, text in gateway.files.items():
            (folder / name).write_text(fill(text, places))
        output = open(folder / "output", "w")  # pylint: disable=consider-using-with
        self.files.append(output)
        command = list(prefix) + [fill(part, places) for part in gateway.command]
        process = start(command, cores or self.layout.proxy, stdout=output, stderr=output,
                        env={**os.environ, **gateway.env})
        self.started.append(process)
        running = Running(gateway.name, gateway, places, process)
        self.wait(running, 120 if prefix else 20)
        return running

    def wait(self, running, seconds):
        url = running.url("plain")
        for _ in range(int(seconds / 0.05)):
            if running.process.poll() is not None:
                break
            if serves(running, url):
                return
            time.sleep(0.05)
        text = (pathlib.Path(running.places.work) / "output").read_text(errors="replace")
        raise Failed(f"{running.name} does not serve; the end of what it said:\n{text[-2000:]}")

    def direct(self):
        """The mock itself, as if it were a gateway."""
        places = Places(work="", port=self.upstream, tls_port=self.tls_upstream,
                        upstream=self.upstream, tls_upstream=self.tls_upstream, ca=self.ca,
                        bin="", workers=1, connections=0, validation="", limits="", log="")
        return Running("direct", Gateway("direct", []), places)


def serves(running, url):
    try:
        port = int(url.rsplit(":", 1)[1])
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        if running.gateway.ready:
            urllib.request.urlopen(url + running.gateway.ready, timeout=5).close()
        return True
    except (OSError, urllib.error.URLError):
        return False


def make_certificate(work):
    ca = str(work / "ca.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=bench",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:mock.test",
                    "-keyout", str(work / "key.pem"), "-out", ca],
                   check=True, stderr=subprocess.DEVNULL)
    return ca


def tree_of(pid):
    """The process and all its children."""
    children, found = {}, []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2:].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    left = [pid]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found


def leaves_of(pid):
    """Those of them that have no children."""
    every = tree_of(pid)
    return [one for one in every if len(tree_of(one)) == 1]


def resident_kb(pid):
    total = 0
    for one in tree_of(pid):
        try:
            status = pathlib.Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total
