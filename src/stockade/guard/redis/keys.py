"""What things are called in Redis: one hash for each client, an index of the bans and one of the banned networks."""

from __future__ import annotations

from stockade.errors import ConfigurationError

MAX_PREFIX = 100


class Keys:
    """The names under one prefix. A client's is ``stockade:{203.0.113.9}``; the braces are for clusters."""

    __slots__ = ("_head", "bans", "networks")

    def __init__(self, prefix: str) -> None:
        if not prefix or len(prefix) > MAX_PREFIX or not prefix.isprintable() or set(prefix) & set("{} "):
            raise ConfigurationError(
                f"not a prefix for keys: {prefix!r}", remedy="Use some letters and colons, without braces or blanks."
            )
        self._head = f"{prefix}:{{"
        self.bans = f"{prefix}:bans".encode()
        self.networks = f"{prefix}:networks".encode()

    def of(self, client: str) -> bytes:
        """The key of all that is known of a client."""
        return encode(f"{self._head}{client}}}")

    def client(self, key: bytes) -> str:
        """Whose key this is."""
        return decode(key)[len(self._head) : -1]


def encode(text: str) -> bytes:
    """A text as bytes; half a surrogate, which a client may have sent, is no reason to fail."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """Bytes as the text they were; what was never text is shown as such."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace")
