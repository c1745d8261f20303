//! Durations as apps say them. Called by host programs: `human("…").timeout(hours(24))`.

use std::time::Duration;

/// So many seconds.
pub const fn seconds(n: u32) -> Duration {
    Duration::from_secs(n as u64)
}

/// So many minutes.
pub const fn minutes(n: u32) -> Duration {
    Duration::from_secs(n as u64 * 60)
}

/// So many hours.
pub const fn hours(n: u32) -> Duration {
    Duration::from_secs(n as u64 * 3_600)
}

/// So many days of 24 hours.
pub const fn days(n: u32) -> Duration {
    Duration::from_secs(n as u64 * 86_400)
}
