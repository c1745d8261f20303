//! Types of values.
