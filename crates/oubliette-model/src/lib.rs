//! Model families: load, save, sample, train.
