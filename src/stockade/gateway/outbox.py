"""Messages to people: written as files to a directory, for who has configured no way to send them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from stockade.directory import Account, Secret

Deliver = Callable[[str, str], None]
"""Takes an e-mail address and a text; called in a thread of its own."""


def reset_message(account: Account, code: Secret) -> str:
    """What the owner of an account is told. The code goes into a form: in a URL it would end up in logs. No host is
    named, since all that is known of ours is what the client says, who may be somebody else and name a host of theirs.
    """
    return (
        f"Somebody, perhaps you, asked for a new password for {account.name}.\n\n"
        f"Code: {code}\n\n"
        "Enter it within an hour at the address you know, and nowhere else:\n"
        "its page for this is /users/password/edit\n\n"
        "If it was not you, there is nothing to do: your password has not been changed.\n"
    )


def outbox(directory: Path) -> Deliver:
    """Write each message to a file of its own in this directory, which only its owner may read (RFC 5322)."""

    def deliver(address: str, text: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        message = EmailMessage(policy=SMTP)
        message["To"], message["Subject"] = address, "Your new password"
        message.set_content(text)
        file = directory / f"{uuid.uuid4()}.eml"
        draft = file.with_suffix(".new")  # whoever sends what lies there sees whole messages
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new:
            new.write(message.as_bytes())
        draft.rename(file)

    return deliver
