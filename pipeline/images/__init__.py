"""The container image of jobs: what goes into it and its name, and the command lines that build, push and check it."""
