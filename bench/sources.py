"""What SOURCE names: a bundle, a folder of bundles or a store's folder, on this machine or at a URL (by fsspec)."""

import contextlib
import functools
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bench import bundle, collector, jsonlines
from bench import store as stores
from bench.bundle import DIGEST
from bench.collector import Collected
from bench.errors import BenchError, RefusedInput, RunError, UsageError
from bench.records import load_json
from bench.store import Store

#: What to install for a protocol that fsspec knows and has no code of its own for.
PACKAGES = {
    "sftp": "paramiko",
    "ssh": "paramiko",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "abfs": "adlfs",
    "az": "adlfs",
    "smb": "smbprotocol",
}
#: What became of one bundle, store or file of observations: its name for people, and the result or why there is none.
Result = tuple[str, Collected | BenchError]


def is_url(source: str) -> bool:
    """Whether fsspec is asked, rather than this machine's files."""
    return "://" in source or "::" in source


def shown(source: str) -> str:
    """A source without the password that a URL may carry."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:...@", source)


def collect(source: str, store: Store) -> Iterator[Result]:
    """Takes everything that a source has into a store: one result for each bundle, the errors among them."""
    try:
        filesystem, path = _located(source)
        if _kind(filesystem, path) == "directory":
            yield from _folder(filesystem, path, source, store)
        else:
            yield shown(source), _bundle(filesystem, path, store)
    except BenchError as error:
        yield shown(source), error


def observe(source: str, store: Store) -> Result:
    """Takes the observations of a JSON Lines file into a store."""
    try:
        filesystem, path = _located(source)
        _kind(filesystem, path)
        with _stream(filesystem, path, store) as stream:
            return shown(source), collector.keep(jsonlines.read(stream), store)
    except BenchError as error:
        return shown(source), error


def put(path: Path, target: str) -> None:
    """Copies a file to a URL. RunError if that fails; what a broken copy leaves is refused by whoever collects it."""
    filesystem, there = _located(target)
    try:
        filesystem.put_file(str(path), there)
    except Exception as error:  # noqa: BLE001 each protocol's library has errors of its own
        raise RunError(f"{shown(target)}: could not be written: {type(error).__name__}: {error}") from None


def _located(source: str) -> tuple[Any, str]:
    """The filesystem of a source, and the path in it."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    if not is_url(source):
        return LocalFileSystem(), str(Path(source).absolute())
    protocol = source.split("://")[0].split("::")[-1]
    try:
        if protocol in ("sftp", "ssh"):
            kind = _sftp()
            # What fsspec's own url_to_fs does, which takes no class.
            return kind(**kind._get_kwargs_from_urls(source)), kind._strip_protocol(source)  # noqa: SLF001
        filesystem, path = fsspec.core.url_to_fs(source)
        filesystem.invalidate_cache()
    except ImportError as error:
        package = PACKAGES.get(protocol)
        step = f"`pip install {package}`" if package else f"install it: {error}"
        raise UsageError(f"{protocol}:// needs a package that is not here; {step}") from None
    except ValueError as error:
        raise UsageError(f"no such kind of address: {error}; legal: {', '.join(PACKAGES)}, file, memory") from None
    except Exception as error:  # noqa: BLE001 each protocol's library has errors of its own
        raise RefusedInput(f"no connection: {type(error).__name__}: {error}") from None
    return filesystem, path


@functools.cache
def _sftp() -> Any:
    """fsspec's SFTP for known hosts only: by default it trusts any server that answers."""
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class KnownHosts(SFTPFileSystem):  # type: ignore[misc]
        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    return KnownHosts


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Turns whatever reading raises into an error of ours."""
    try:
        yield
    except BenchError:
        raise
    except FileNotFoundError:
        raise UsageError(
            "no such file; give what `bench export` wrote, a folder of such, or a store's folder"
        ) from None
    except Exception as error:  # noqa: BLE001 each protocol's library has errors of its own
        raise RefusedInput(f"not readable: {type(error).__name__}: {error}") from None


def _kind(filesystem: Any, path: str) -> str:
    """`file` or `directory`; UsageError for anything else, such as a pipe, which would be waited for."""
    with _reading():
        kind = str(filesystem.info(path)["type"])
    if kind not in ("file", "directory"):
        raise UsageError(f"{kind}; a file or a folder is needed")
    return kind


def _folder(filesystem: Any, path: str, source: str, store: Store) -> Iterator[Result]:
    """A store's folder, or every bundle of a folder, by name."""
    with _reading():
        names = sorted(_names(filesystem, path))
    if "store.json" in names:
        parts = Folder(filesystem, path)
        yield shown(source), collector.take(parts, store)
        return
    bundles = [name for name in names if name.endswith(".zip")]
    if not bundles:
        raise UsageError("neither a store (store.json) nor a bundle (*.zip) is in this folder")
    for name in bundles:
        title = f"{shown(source).rstrip('/')}/{name}"
        try:
            yield title, _bundle(filesystem, f"{path}/{name}", store)
        except BenchError as error:
            yield title, error


def _names(filesystem: Any, path: str) -> list[str]:
    """Names in a folder; none if there is no such folder, since object stores have no empty ones."""
    try:
        return [str(name).rstrip("/").rsplit("/", 1)[-1] for name in filesystem.ls(path, detail=False)]
    except FileNotFoundError:
        return []


def _bundle(filesystem: Any, path: str, store: Store) -> Collected:
    if _kind(filesystem, path) != "file":
        raise UsageError("a folder; a bundle is a file")
    with _stream(filesystem, path, store) as stream:
        return bundle.collect(stream, store)


@contextlib.contextmanager
def _stream(filesystem: Any, path: str, store: Store) -> Iterator[BinaryIO]:
    """A file to read and seek in; one from elsewhere is copied to a nameless file of the store's cache first."""
    with contextlib.ExitStack() as stack:
        with _reading():
            stream: BinaryIO = stack.enter_context(filesystem.open(path, "rb"))
            if filesystem.protocol[0] != "file":
                copy = stack.enter_context(tempfile.TemporaryFile(dir=store.folder / "cache"))
                shutil.copyfileobj(stream, copy)
                copy.seek(0)
                stream = copy
        yield stream


class Folder:
    """The parts of another store's folder, read by the names that a store has and no others."""

    def __init__(self, filesystem: Any, path: str) -> None:
        self._filesystem = filesystem
        self._path = path.rstrip("/")
        described = load_json(self.read("store.json", 2**16))
        schema = described.get("schema") if isinstance(described, dict) else None
        if type(schema) is not int or schema != stores.SCHEMA:
            raise RefusedInput(f"store.json: schema {json.dumps(schema)[:60]}; this bench reads {stores.SCHEMA}")

    def records(self) -> Iterable[str]:
        return self._digests("records", "")

    def observations(self) -> Iterable[str]:
        return self._digests("observations", ".json")

    def _digests(self, kind: str, suffix: str) -> list[str]:
        with _reading():
            names = _names(self._filesystem, f"{self._path}/{kind}")
        return sorted(name.removesuffix(suffix) for name in names
                      if name.endswith(suffix) and DIGEST.fullmatch(name.removesuffix(suffix)))  # fmt: skip

    def read(self, name: str, limit: int) -> bytes:
        """A file of at most `limit` bytes; no link is followed."""
        path = f"{self._path}/{name}"
        with _reading():
            try:
                found = self._filesystem.info(path)
                if found["type"] != "file" or found.get("islink"):
                    raise RefusedInput(f"{name}: a link or no file; not followed")
                with self._filesystem.open(path, "rb") as stream:
                    content: bytes = stream.read(limit + 1)
            except FileNotFoundError:
                raise RefusedInput(f"{name}: missing") from None
        if len(content) > limit:
            raise RefusedInput(f"{name}: more than the {limit} bytes that belong here")
        return content
