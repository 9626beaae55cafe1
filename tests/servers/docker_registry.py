"""Debian's container registry, given its YAML configuration, and images to put into it."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.front import FrontServer, StartFrontServer, start_front
from tests.servers.processes import program

OPEN_TO_ALL = """\
version: 0.1
storage: {filesystem: {rootdirectory: $DIR/data}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$PORT", secret: x, relativeurls: true}
"""


@contextlib.contextmanager
def start_docker_registry(configuration: str = OPEN_TO_ALL) -> Iterator[FrontServer]:
    """Run a registry with this configuration; ``$PORT`` and ``$DIR`` in it become the port and the directory."""
    binary = program("docker-registry", "docker-registry")
    with start_front(binary, "serve", "$CONFIG", configuration=configuration) as registry:
        yield registry


@pytest.fixture
def docker_registry() -> Iterator[StartFrontServer]:
    """Start a registry with a configuration (``OPEN_TO_ALL``, say) in which ``$PORT`` and ``$DIR`` are filled in."""
    with contextlib.ExitStack() as stack:
        yield lambda configuration: stack.enter_context(start_docker_registry(configuration))


def write_image(directory: Path, size: int = 1000, tag: str = "v1") -> None:
    """Write an OCI layout with one layer of random bytes: an image that needs no download (``oci:DIRECTORY:TAG``)."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    kind = "application/vnd.oci.image"

    def stored(media_type: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"{kind}.{media_type}", "digest": f"sha256:{digest}", "size": len(content)}

    files = _archive(os.urandom(size))
    layers = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(files).hexdigest()}"]}
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": layers}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": stored("config.v1+json", json.dumps(config).encode()),
        "layers": [stored("layer.v1.tar+gzip", gzip.compress(files, mtime=0))],
    }
    entry = stored("manifest.v1+json", json.dumps(manifest).encode())
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def _archive(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("data")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()
