//! The language and the engine of uzel, without I/O.
