//! Any bytes as a document: reading and checking it must neither panic nor take long. Run by scripts/fuzz.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| check(text));

fn check(text: &[u8]) {
    let _ = std::str::from_utf8(text);
}
