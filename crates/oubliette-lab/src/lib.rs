//! Parts, methods, attacks, detectors, metrics and the runner.
