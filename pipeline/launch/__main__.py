"""`python -m pipeline.launch`."""

import sys

from pipeline.errors import PenstockError
from pipeline.launch.job import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except PenstockError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
