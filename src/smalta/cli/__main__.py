"""`python -m smalta.cli`."""

import sys

from smalta.cli import main

sys.exit(main())
