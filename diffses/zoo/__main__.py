"""`python -m diffses.zoo add KEY... | ls`."""

import sys

from diffses.zoo.shelf import main

sys.exit(main())
