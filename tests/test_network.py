"""`bench collect` and `bench export` against real servers that the tests start on loopback: sshd, S3, HTTP."""

import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path

import pytest

from bench import sources
from bench.cli.main import main
from bench.store import Store
from tests.test_exchange import digests, everything, exported

pytestmark = [
    pytest.mark.network,
    # Clients leave their connections to the garbage collector; nothing of ours.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


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
    pytest.importorskip("paramiko", reason="paramiko is not installed; `tox -e exchange` installs it")
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
        store = f"store-{number}"
        assert main(["collect", f"{sftp}{folder}/{source}", "--store", store]) == 0
        assert digests(store) == digests("source")
        assert len(list(Store(Path(store)).observations())) == 1
        before = everything(folder / store)
        assert main(["collect", f"{sftp}{folder}/{source}", "--store", store]) == 0
        assert everything(folder / store) == before
    assert main(["collect", "--observations", f"{sftp}{folder}/o.jsonl", "--store", "other"]) == 0
    assert len(list(Store(Path("other")).observations())) == 1


def test_sftp_takes_exports(folder: Path, sftp: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders on the way are made; where a file is in the way, the command says so."""
    assert main(["export", "--store", "source", "-o", f"{sftp}{folder}/there/x.zip"]) == 0
    assert (folder / "there" / "x.zip").read_bytes() == (folder / "b.zip").read_bytes()
    assert main(["export", "--store", "source", "-o", f"{sftp}{folder}/b.zip/x.zip"]) == 3
    assert "could not be written" in capsys.readouterr().err


def test_sftp_says_what_is_wrong(folder: Path, sftp: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing there; a link in a store; a truncated bundle; a host that nobody knows; the rest is still taken."""
    (folder / "cut.zip").write_bytes((folder / "b.zip").read_bytes()[:-30])
    victim = min((folder / "source" / "records").iterdir())
    shutil.copytree(folder / "source", folder / "linked")
    linked = folder / "linked" / "records" / victim.name / "arrays.bin"
    linked.unlink()
    linked.symlink_to(victim / "arrays.bin")
    assert main(["collect", f"{sftp}{folder}/nothing.zip", f"{sftp}{folder}/cut.zip", f"{sftp}{folder}/b.zip"]) == 2
    out = capsys.readouterr().out
    assert "nothing.zip: no such file" in out
    assert "cut.zip: not a bundle, or a truncated one" in out
    assert len(digests()) == 2
    Path(os.environ["HOME"], ".ssh", "known_hosts").write_text("")
    sources._sftp().clear_instance_cache()
    assert main(["collect", f"{sftp}{folder}/b.zip"]) == 3
    assert "not found in known_hosts" in capsys.readouterr().out


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`s3://bucket` of a moto server."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed; `tox -e exchange` installs it")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed; `tox -e exchange` installs it")
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_for(port, server)
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_CONFIG_FILE", os.devnull),
        ):
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("team")
        yield "s3://team"
        s3fs.S3FileSystem.clear_instance_cache()
    finally:
        stop(server)


def test_s3_gives_bundles_folders_stores_and_takes_exports(folder: Path, s3: str,
                                                           capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    import s3fs

    assert main(["export", "--store", "source", "-o", f"{s3}/nightly/x.zip"]) == 0
    s3fs.S3FileSystem().put(str(folder / "source"), f"{s3}/store", recursive=True)
    s3fs.S3FileSystem().put_file(str(folder / "o.jsonl"), f"{s3}/o.jsonl")
    for number, source in enumerate(("nightly/x.zip", "nightly", "store")):
        store = f"store-{number}"
        assert main(["collect", f"{s3}/{source}", "--store", store]) == 0
        assert digests(store) == digests("source")
        before = everything(folder / store)
        assert main(["collect", f"{s3}/{source}", "--store", store]) == 0
        assert everything(folder / store) == before
    assert main(["collect", "--observations", f"{s3}/o.jsonl", "--store", "other"]) == 0
    capsys.readouterr()
    assert main(["collect", f"{s3}/nothing.zip", "s3://no-such-bucket/x.zip"]) == 2
    assert capsys.readouterr().out.count("no such file") == 2


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing; it knows no ranges, as many servers do not."""

    def log_message(self, *_: object) -> None:
        pass


def test_http_gives_bundles_and_observations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed; `tox -e exchange` installs it")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            assert main(["collect", f"{url}/b.zip", "--observations", f"{url}/o.jsonl"]) == 0
            assert main(["collect", f"{url}/nothing.zip"]) == 2
        finally:
            server.shutdown()
            thread.join()
    assert digests() == digests("source")
    assert "nothing.zip: no such file" in capsys.readouterr().out
