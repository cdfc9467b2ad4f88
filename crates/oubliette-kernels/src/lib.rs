//! Fast CPU kernels with their backward, behind burn's extension API.
