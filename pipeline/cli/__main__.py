"""`python -m pipeline.cli` is `penstock`."""

from pipeline.cli.app import main

main()
