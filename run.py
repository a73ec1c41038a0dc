"""python run.py env=pong stage=all [-m seed=1,2,3]"""

from __future__ import annotations

import sys

from diffses.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
