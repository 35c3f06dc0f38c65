"""ArrowExampleGen: CSV, TSV, Parquet and TFRecord files to tf.Examples, in bounded memory.

Data goes one way: source_files → (record_blocks → delimited | parquet_rows | tfrecord) → columns, inference
→ survey (first pass: judge every row, settle the types) → ingest (second pass: encode, split, write).
"""
