//! One port.
