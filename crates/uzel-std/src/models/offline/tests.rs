//! Tests of the whole offline model: schemas in, values out.

mod filling;
mod random;
mod replies;
