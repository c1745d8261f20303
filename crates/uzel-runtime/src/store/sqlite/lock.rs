//! The owner's lock of a store's folder: one process writes, and others are told which one it is.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use uzel_core::store::Error;

/// Bytes of the owner's words that are shown.
const MAX_OWNER: u64 = 300;

/// Held as long as the store is open. The system releases it when the process ends, however it ends.
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone is not enough for the moment in which a process that is being started still has our files open.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock of `dir`, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("lock");
        let failed = |error: std::io::Error| Error::Io(format!("`{}`: {error}", path.display()));
        // Not truncated on opening: the words in it may be those of a living owner.
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(failed)?;
                file.write_all(owner().as_bytes()).map_err(failed)?;
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(Error::InUse { path: dir.display().to_string(), owner: read_owner(&mut file) })
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// What the owner wrote. It may be about to write it, or the system may not let us read; the lock is what counts.
fn read_owner(file: &mut File) -> String {
    let mut bytes = vec![];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(MAX_OWNER).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    match text.trim() {
        words if read.is_ok() && !words.is_empty() => words.to_owned(),
        _ => "another process".to_owned(),
    }
}

/// Process id, command and time, in words. Only the first arguments: later ones may carry a run's input.
fn owner() -> String {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut words = vec![program];
    words.extend(arguments.by_ref().take(2).map(|argument| argument.to_string_lossy().into_owned()));
    if arguments.next().is_some() {
        words.push("…".to_owned());
    }
    let command: String = words.join(" ").chars().filter(|c| !c.is_control()).take(60).collect();
    #[expect(clippy::disallowed_methods, reason = "the time that people read in the lock; nothing is decided by it")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("process {} ({command}), since {}", std::process::id(), utc(now))
}

/// A time in UTC, from seconds since 1970. Days to a date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_735_689_599), "2024-12-31 23:59:59 UTC");
        assert_eq!(utc(1_735_689_600), "2025-01-01 00:00:00 UTC");
    }
}
