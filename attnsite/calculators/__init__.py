"""Public calculators of KV-cache memory, one a file: what each computes, transcribed from its published code."""
