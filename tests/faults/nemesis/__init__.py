"""What is done to the system: one function for each kind of fault, by family; `catalogue.KINDS` has them all."""
