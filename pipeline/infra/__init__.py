"""The infrastructure on AWS: are the templates in deploy/aws whole, and does the configuration name what they made."""
