"""What the two runners on AWS share: clients, errors in our words, uploads, jobs and their logs."""
