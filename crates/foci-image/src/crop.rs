//! Random crops for training, repeatable from their seed.
