"""Applications that do not come with the distribution: how each is recognised, and what others call it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stockade.host.facts.package import Package
from stockade.host.updates.version import numbers


@dataclass(frozen=True, slots=True)
class Known:
    """What an application is called: ``product`` by endoflife.date, ``vendor`` and ``names`` in CISA's catalogue,
    ``packages`` where its makers keep a repository of their own, ``images`` as containers.
    """

    product: str
    vendor: str = ""
    names: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


KNOWN: Final = (
    Known("gitlab", "GitLab", ("Community and Enterprise Editions", "GitLab CE/EE", "GitLab"),
          ("gitlab-ce", "gitlab-ee"), ("gitlab/gitlab-ce", "gitlab/gitlab-ee")),
    Known("gitea", "Gitea", ("Gitea",), (), ("gitea/gitea",)),
    Known("forgejo", "Forgejo", ("Forgejo",), (), ("forgejo/forgejo",)),
    Known("jenkins", "Jenkins", ("Jenkins Command Line Interface (CLI)", "Jenkins Stapler Web Framework",
          "Jenkins User Interface (UI)", "Jenkins"), ("jenkins",), ("jenkins/jenkins",)),
    Known("grafana", "Grafana Labs", ("Grafana",), ("grafana", "grafana-enterprise"), ("grafana/grafana",)),
    Known("elasticsearch", "Elastic", ("Elasticsearch",), ("elasticsearch",), ("elasticsearch",)),
    Known("kibana", "Elastic", ("Kibana",), ("kibana",), ("kibana",)),
    Known("confluence", "Atlassian", ("Confluence", "Confluence Server", "Confluence Data Center and Server",
          "Confluence Server and Data Center", "Confluence Server/Data Center"), (), ("atlassian/confluence",)),
    Known("minio", "MinIO", ("MinIO",), ("minio",), ("minio/minio",)),
    Known("docker-engine", "Docker", ("Docker Engine",), ("docker-ce",)),
    Known("nginx", "", (), (), ("nginx",)),
    Known("postgresql", "", (), (), ("postgres",)),
    Known("redis", "", (), (), ("redis",)),
    Known("harbor", "", (), (), ("goharbor/harbor-core",)),
)  # fmt: skip
OF: Final[Mapping[str, Known]] = {each.product: each for each in KNOWN}
PACKAGED: Final[Mapping[str, Known]] = {package: each for each in KNOWN for package in each.packages}
IMAGED: Final[Mapping[str, Known]] = {image: each for each in KNOWN for image in each.images}


@dataclass(frozen=True, slots=True)
class Application:
    """An application and its version; ``where`` says how that is known, ``reachable`` whether others can reach it, None
    where nobody knows. ``package`` is the one it was installed by, ``mended`` are vulnerabilities that it
    does not have, says somebody.
    """

    name: str
    product: str
    version: str
    where: str
    package: str = ""
    reachable: bool | None = None
    mended: tuple[str, ...] = ()


def packaged(installed: Mapping[str, Package]) -> Iterator[Application]:
    """Those that were installed by packages of their makers, under names that no distribution has."""
    for name, known in PACKAGED.items():
        if (package := installed.get(name)) is not None:
            version = package.version.rpartition(":")[2]
            yield Application(name, known.product, version, f"package {name}", name)


def imaged(said: str) -> Iterator[tuple[str, Application | None]]:
    """The images that containers run, one a line, as ``docker ps --format '{{.Image}}'`` has them, each with what is in
    it; None where its tag does not say the version.
    """
    for line in dict.fromkeys(said.split()):
        image, _, tag = line.partition("@")[0].rpartition(":")
        known = next((each for name, each in IMAGED.items() if image == name or image.endswith(f"/{name}")), None)
        if known is not None and len(numbers(tag)) > 1:
            yield line, Application(image, known.product, tag, f"container of {line}")
        else:
            yield line, None
