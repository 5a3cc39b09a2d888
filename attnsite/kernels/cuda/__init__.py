"""The door to CUDA, instructions that it lacks, and the compiler."""
