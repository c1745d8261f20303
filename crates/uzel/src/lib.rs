//! The product: the uzel binary and the library a Rust program imports.
