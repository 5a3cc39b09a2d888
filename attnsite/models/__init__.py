"""A small transformer on the project's own kernels, and its training: deterministic from a seed.

config.py     what a model is made of: sizes, norms, positions; its parameters and their first values
decoder.py    one share of a batch, forwards and backwards
model.py      parameters, shares and threads: losses, gradients, attention maps
optimiser.py  AdamW, schedules, clipping
training.py   the loop: rows, validation, divergence, checkpoints
tasks.py      repeated sequences and associative recall, made from a seed
corpus.py     a text, byte by byte
heads.py      what a head does, as numbers
"""
