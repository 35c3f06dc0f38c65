"""People answer rows, in the terminal or in a spreadsheet, and their answers become a new span of the data."""
