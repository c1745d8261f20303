//! Any text as a file to format: what can be read is formatted, says the same, and is then formatted. Run by scripts/fuzz.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uzel_core::{
    diagnostic::{Code, Diagnostics},
    source::SourceId,
    yaml,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        format(text);
    }
});

fn format(text: &str) {
    let mut out = Diagnostics::default();
    let formatted = yaml::format(SourceId(0), text, &mut out);
    let refused = out.iter().find(|diagnostic| diagnostic.code == Code::FORMAT_REFUSED);
    assert!(refused.is_none(), "refused: {refused:?}");
    assert_eq!(formatted.is_none(), out.has_errors());
    let Some(formatted) = formatted else { return };
    let read = |text: &str| yaml::parse(SourceId(0), text, &mut Diagnostics::default()).map(|tree| tree.to_json());
    assert_eq!(read(text), read(&formatted), "{formatted:?} says something else");
    let again = yaml::format(SourceId(0), &formatted, &mut Diagnostics::default());
    assert_eq!(again.as_deref(), Some(formatted.as_str()), "not stable");
}
