"""`python -m diffses COMMAND`."""

from __future__ import annotations

import sys

from diffses.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
