//! Progress of a long command: a bar where a person watches, plain lines in a pipe. Used by batches.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use uzel_core::store::Status;

use super::Terminal;

/// In a pipe a line is written at least this often while something happens.
const EVERY: Duration = Duration::from_secs(2);

/// How far a batch is.
pub(crate) struct Progress<'a> {
    terminal: &'a Terminal,
    bar: Option<ProgressBar>,
    total: usize,
    /// Done before this command.
    before: usize,
    done: usize,
    counts: BTreeMap<Status, usize>,
    began: Duration,
    /// When the last line was written, and for how many.
    last: (Duration, usize),
}

impl<'a> Progress<'a> {
    pub(crate) fn new(terminal: &'a Terminal, total: usize, counts: BTreeMap<Status, usize>, now: Duration) -> Self {
        let before: usize = counts.values().sum();
        let bar = terminal.watched.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let template = "{bar:28} {pos}/{len} {percent}%  {per_sec}  {elapsed} + {eta}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━━─"));
            }
            bar.set_position(before as u64);
            bar.reset_eta();
            bar
        });
        Self { terminal, bar, total, before, done: before, counts, began: now, last: (now, before) }
    }

    /// A run ended or parked.
    pub(crate) fn done(&mut self, status: Status, now: Duration) {
        self.done += 1;
        *self.counts.entry(status).or_default() += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
            bar.set_message(self.counts());
        }
        let step = (self.total / 10).max(1);
        if self.done / step > self.last.1 / step || now.saturating_sub(self.last.0) >= EVERY {
            self.line(now);
        }
    }

    /// Some time went by.
    pub(crate) fn look(&mut self, now: Duration) {
        if let Some(bar) = &self.bar {
            bar.tick();
        } else if now.saturating_sub(self.last.0) >= EVERY {
            self.line(now);
        }
    }

    fn line(&mut self, now: Duration) {
        if self.bar.is_some() {
            return;
        }
        self.last = (now, self.done);
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        let rate = (self.done - self.before) as f64 / seconds.max(0.001);
        let left = self.total.saturating_sub(self.done);
        let eta = if left == 0 || rate < 0.001 { String::new() } else { format!(", {:.0} s left", left as f64 / rate) };
        let percent = self.done * 100 / self.total.max(1);
        let counts = self.counts();
        self.terminal.say(&format!("{}/{} {percent}%  {rate:.1}/s{eta}  {counts}", self.done, self.total));
    }

    fn counts(&self) -> String {
        let parts: Vec<String> = Status::ALL
            .into_iter()
            .filter_map(|status| Some(format!("{} {}", self.counts.get(&status)?, status.as_str())))
            .collect();
        parts.join(", ")
    }

    /// Does something with the screen while the bar is away.
    pub(crate) fn aside<R>(&self, act: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    /// The last state, for good.
    pub(crate) fn finish(&mut self, now: Duration) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None if self.last.1 != self.done => self.line(now),
            None => {}
        }
    }
}
