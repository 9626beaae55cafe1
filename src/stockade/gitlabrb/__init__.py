"""Existing throttles and bans of GitLab or Rack::Attack become Stockade configuration.

Reads ``/etc/gitlab/gitlab.rb`` and ``config/initializers/rack_attack.rb`` as text: no line of them is ever run.
"""

from __future__ import annotations

from stockade.gitlabrb.report import Imported, Remark
from stockade.gitlabrb.translate import translate

__all__ = ["Imported", "Remark", "translate"]
