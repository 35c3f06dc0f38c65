"""TrainingBalancer: more even classes in the training split, by fewer rows, more rows or weights; no other split."""
