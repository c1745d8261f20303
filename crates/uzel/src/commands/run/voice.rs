//! Tells what happens in a run as it happens: a model's text, and with `--verbose` each node.

use std::sync::atomic::{AtomicBool, Ordering};

use uzel_core::event::{Event, InstancePath, RunId, Wait};
use uzel_runtime::driver::Watcher;

use crate::render::{DIM, Terminal, human, paint};

/// Speaks on standard error.
pub(crate) struct Voice {
    terminal: Terminal,
    stream: bool,
    /// Whether a model's text stands at the end of the last line.
    inside_line: AtomicBool,
}

impl Voice {
    pub(crate) fn new(terminal: &Terminal, stream: bool) -> Self {
        Self { terminal: terminal.clone(), stream, inside_line: AtomicBool::new(false) }
    }
}

impl Watcher for Voice {
    fn event(&self, _run: &RunId, event: &Event) {
        if self.inside_line.swap(false, Ordering::Relaxed) {
            self.terminal.stream("\n");
        }
        if let Event::Waited { instance, wait: Wait::Until(time), at } = event
            && time.since(*at) >= 2_000
        {
            self.terminal.notice(DIM, "timer", &format!("`{instance}` waits until {}", human::utc(*time)));
            return;
        }
        if !self.terminal.verbose {
            return;
        }
        let (instance, words) = match event {
            Event::Returned { instance, port, started, at, .. } => {
                let port = port.as_ref().map(|port| format!(", chose `{port}`")).unwrap_or_default();
                (instance, format!("ok, {}{port}", human::span(at.since(*started))))
            }
            Event::Failed { instance, failure, .. } => (instance, format!("failed: {failure}")),
            Event::Blocked { instance, reason, .. } => (instance, format!("blocked: {reason}")),
            Event::LeftOut { instance, why, .. } => (instance, format!("left out: {why}")),
            Event::Waited { instance, .. } => (instance, "waits".to_owned()),
            _ => return,
        };
        self.terminal.say(&format!("  {} {words}", paint(self.terminal.colour_err, DIM, instance.as_str())));
    }

    fn text(&self, _run: &RunId, _instance: &InstancePath, text: &str) {
        if self.stream && !text.is_empty() {
            self.inside_line.store(!text.ends_with('\n'), Ordering::Relaxed);
            self.terminal.stream(text);
        }
    }

    fn void(&self, _run: &RunId, instance: &InstancePath) {
        if self.stream {
            let words = format!("(the answer of `{instance}` broke off; what stands above does not count)");
            self.terminal.stream(&format!("\n{}\n", paint(self.terminal.colour_err, DIM, &words)));
        }
    }
}
