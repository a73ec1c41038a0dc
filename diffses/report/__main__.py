"""`python -m diffses.report SWEEP_DIR...`: the page of a sweep again, or of several compared."""

import sys

from diffses.sweep import main

sys.exit(main(sys.argv[1:]))
