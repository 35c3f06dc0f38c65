"""`python -m pipeline.launch`."""

import sys

from pipeline.launch.job import ended, main

if __name__ == "__main__":
    sys.exit(ended(main))
