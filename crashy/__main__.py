"""`python -m crashy`."""

import sys

from crashy.cli import main

sys.exit(main())
