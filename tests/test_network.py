"""`bench collect` and `bench export` against real servers that the tests start on loopback: sshd, S3, HTTP.

The commands run as processes of their own, as people run them: a client keeps connections until its process ends.
"""

import functools
import http.server
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path

import pytest

from bench.store import Store
from tests.engines import ROOT
from tests.test_exchange import digests, everything, exported

pytestmark = pytest.mark.network


def bench(*arguments: str, code: int = 0) -> str:
    """What a command prints, on either stream, once it ended with the exit code."""
    done = subprocess.run([sys.executable, "-m", "bench", *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def same_again(source: str, store: str) -> None:
    """Collects a source twice: all of `source` the first time, no file changed the second."""
    bench("collect", source, "--store", store)
    assert digests(store) == digests("source")
    assert len(list(Store(Path(store)).observations())) == 1
    before = everything(Path(store))
    bench("collect", source, "--store", store)
    assert everything(Path(store)) == before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store `source` and a bundle of it, `b.zip`."""
    monkeypatch.chdir(tmp_path)
    exported(tmp_path)
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until something listens; a server that ended or stays silent fails the test."""
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, f"the server ended with {server.returncode}"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.05)


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait(timeout=30)


SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


@pytest.fixture
def sftp(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`sftp://user@127.0.0.1:port` of an sshd of our own: its host key, configuration and one authorized key are
    made here, and the client's home is a folder of ours too."""
    if importlib.util.find_spec("paramiko") is None:
        pytest.skip("paramiko is not installed; `tox -e exchange` installs it")
    program, keygen = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("ssh-keygen")
    if program is None or keygen is None:
        pytest.skip("no sshd or ssh-keygen on this machine (Debian: openssh-server)")
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir(mode=0o700)
    for name in ("host_key", ".ssh/id_ed25519"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", home / name], check=True)
    shutil.copy(home / ".ssh" / "id_ed25519.pub", home / "authorized_keys")
    port = free_port()
    kind, key = (home / "host_key.pub").read_text().split()[:2]
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    (home / "sshd_config").write_text(SSHD.format(port=port, folder=home))
    separation = Path("/run/sshd")  # root's sshd wants it; Debian's service makes and removes it likewise
    made = os.geteuid() == 0 and not separation.exists()
    if made:
        separation.mkdir(mode=0o755)
    try:
        command = [program, "-f", str(home / "sshd_config")]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        if checked.returncode:
            pytest.skip(f"sshd cannot run here: {checked.stderr.strip()}")
        server = subprocess.Popen([*command, "-D", "-e"], stderr=subprocess.DEVNULL)
        try:
            wait_for(port, server)
            monkeypatch.setenv("HOME", str(home))
            monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
            yield f"sftp://{getuser()}@127.0.0.1:{port}"
        finally:
            stop(server)
    finally:
        if made:
            separation.rmdir()


def test_sftp_gives_bundles_folders_stores_and_observations(folder: Path, sftp: str) -> None:
    for number, source in enumerate(("b.zip", "", "source")):
        same_again(f"{sftp}{folder}/{source}", f"store-{number}")
    bench("collect", "--observations", f"{sftp}{folder}/o.jsonl", "--store", "other")
    assert len(list(Store(Path("other")).observations())) == 1


def test_sftp_takes_exports(folder: Path, sftp: str) -> None:
    """Folders on the way are made; where a file is in the way, the command says so."""
    bench("export", "--store", "source", "-o", f"{sftp}{folder}/there/x.zip")
    assert (folder / "there" / "x.zip").read_bytes() == (folder / "b.zip").read_bytes()
    out = bench("export", "--store", "source", "-o", f"{sftp}{folder}/b.zip/x.zip", code=3)
    assert "could not be written" in out


def test_sftp_says_what_is_wrong(folder: Path, sftp: str) -> None:
    """Nothing there; a truncated bundle; a host that nobody knows; a key that the server refuses."""
    (folder / "cut.zip").write_bytes((folder / "b.zip").read_bytes()[:-30])
    out = bench("collect", *(f"{sftp}{folder}/{name}.zip" for name in ("nothing", "cut", "b")), code=2)
    assert "nothing.zip: no such file" in out
    assert "cut.zip: not a bundle, or a truncated one" in out
    assert len(digests()) == 2
    home = Path(os.environ["HOME"])
    known = (home / ".ssh" / "known_hosts").read_text()
    (home / ".ssh" / "known_hosts").write_text("")
    assert "not found in known_hosts" in bench("collect", f"{sftp}{folder}/b.zip", code=3)
    (home / ".ssh" / "known_hosts").write_text(known)
    (home / "authorized_keys").write_text("")
    assert "no connection: AuthenticationException" in bench("collect", f"{sftp}{folder}/b.zip", code=3)


def upload(url: str, content: bytes = b"") -> None:
    """Makes a bucket or an object by S3's own HTTP, which this server takes without a signature."""
    kind = {"Content-Type": "application/octet-stream"}  # without it a form is sent, which the server waits for
    with urllib.request.urlopen(urllib.request.Request(url, content, kind, method="PUT"), timeout=30) as answer:
        assert answer.status == 200


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a moto server with a bucket `team`; the client is told of it by the environment."""
    for package in ("moto", "s3fs"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; `tox -e exchange` installs it")
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(port, server)
        for name, value in (
            ("AWS_ENDPOINT_URL", address),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_CONFIG_FILE", os.devnull),
        ):
            monkeypatch.setenv(name, value)
        upload(f"{address}/team")
        yield address
    finally:
        stop(server)


def test_s3_gives_bundles_folders_stores_and_takes_exports(folder: Path, s3: str) -> None:
    bench("export", "--store", "source", "-o", "s3://team/nightly/x.zip")
    for path in (folder / "source").rglob("*"):
        if path.is_file():
            upload(f"{s3}/team/store/{path.relative_to(folder / 'source')}", path.read_bytes())
    upload(f"{s3}/team/o.jsonl", (folder / "o.jsonl").read_bytes())
    for number, source in enumerate(("nightly/x.zip", "nightly", "store")):
        same_again(f"s3://team/{source}", f"store-{number}")
    bench("collect", "--observations", "s3://team/o.jsonl", "--store", "other")
    assert len(list(Store(Path("other")).observations())) == 1
    out = bench("collect", "s3://team/nothing.zip", "s3://no-such-bucket/x.zip", code=2)
    assert out.count("no such file") == 2


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing; it knows no ranges, as many servers do not."""

    def log_message(self, *_: object) -> None:
        pass


def test_http_gives_bundles_and_observations(folder: Path) -> None:
    if importlib.util.find_spec("aiohttp") is None:
        pytest.skip("aiohttp is not installed; `tox -e exchange` installs it")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            bench("collect", f"{url}/b.zip", "--observations", f"{url}/o.jsonl")
            assert "nothing.zip: no such file" in bench("collect", f"{url}/nothing.zip", code=2)
        finally:
            server.shutdown()
            thread.join()
    assert digests() == digests("source")
