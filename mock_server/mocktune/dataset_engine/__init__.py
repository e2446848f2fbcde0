"""Work on whole datasets: the tokenizer, and the one pass over a file that its report comes from."""
