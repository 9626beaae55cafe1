"""The pages on reviewing an account, watching a log and taking in logs come true when they are followed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.documents.reader import Reader, page, sections
from tests.nftables.conftest import Net, net
from tests.servers.processes import running, wait_until

__all__ = ["net"]

WATCH = sections(page("docs/how-to/watch-a-log.md"))
TAKE_IN = page("docs/how-to/take-in-logs.md").partition("## GitLab")[0]


def guesses(address: str, times: int) -> str:
    """What sshd writes about somebody who guesses."""
    stamp = time.strftime("%b %e %H:%M:%S")
    line = "{} host sshd[{}]: Failed password for root from {} port 4000 ssh2\n"
    return "".join(line.format(stamp, number, address) for number in range(100, 100 + times))


def test_an_account_is_reviewed_as_the_page_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/review-an-account.md"))


@dataclass
class Within(Reader):
    """A reader on a host of its own, with sshd's log beside the configuration."""

    net: Net | None = None

    def _run(self, command: str) -> str:
        assert self.net is not None
        if not command.startswith("stockade watch"):
            return super()._run(f"ip netns exec {self.net.server} {command}")
        log, line = self.place / "watching", f"exec ip netns exec {self.net.server} {command}"
        self.ending.enter_context(running("bash", "-c", line, cwd=self.place, env=self._env(), log=log))
        shut = f"ip netns exec {self.net.server} nft list table inet stockade"
        wait_until(lambda: "198.51.100.9" in Reader._run(self, shut), "the ban in the kernel")
        return self._there(log.read_text())


def test_a_log_is_watched_and_the_firewall_refuses_as_the_page_says(tmp_path: Path, net: Net) -> None:
    (tmp_path / "auth.log").write_text(guesses("198.51.100.9", 5) + guesses("203.0.113.7", 9))
    with Within(tmp_path, net=net) as reader:
        reader.follow(WATCH["Watch sshd"].replace("/var/log/", ""))
        reader.follow(WATCH["With the firewall"])
        assert "203.0.113.7" not in reader._run("stockade bans --config ssh.toml")


def test_a_log_is_taken_in_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_text(guesses("198.51.100.9", 3))
    with Reader(tmp_path) as reader:
        reader.follow(TAKE_IN.replace("/var/log/", "").replace("/var/lib/stockade/", ""))
