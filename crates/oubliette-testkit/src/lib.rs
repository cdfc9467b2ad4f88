//! Subjects of known truth and conformance suites (development only).
