"""The `penstock` command, a module for each verb. Each imports what it needs when it runs: `--help` stays instant."""
