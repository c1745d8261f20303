//! Two counters over the last ten seconds, in slots of one second. Used by the retry budget and the breaker.

use std::time::Duration;

const SLOTS: u64 = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: u64,
    all: u64,
    some: u64,
}

/// Counts events and a part of them over the last [`Window::LENGTH`], in constant memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    slots: [Slot; SLOTS as usize],
    /// The last second seen; time that goes back counts as this.
    latest: u64,
}

impl Window {
    pub(crate) const LENGTH: Duration = Duration::from_secs(SLOTS);

    fn slot(&mut self, now: Duration) -> &mut Slot {
        self.latest = self.latest.max(now.as_secs());
        let slot = &mut self.slots[(self.latest % SLOTS) as usize];
        if slot.second != self.latest {
            *slot = Slot { second: self.latest, ..Slot::default() };
        }
        slot
    }

    /// Counts one event.
    pub(crate) fn add(&mut self, now: Duration) {
        self.slot(now).all += 1;
    }

    /// Counts one in the part (without counting it in the whole).
    pub(crate) fn add_part(&mut self, now: Duration) {
        self.slot(now).some += 1;
    }

    /// All events and the part, within the window that ends now.
    pub(crate) fn sums(&mut self, now: Duration) -> (u64, u64) {
        self.slot(now);
        let latest = self.latest;
        self.slots
            .iter()
            .filter(|slot| slot.second + SLOTS > latest)
            .fold((0, 0), |(all, some), slot| (all + slot.all, some + slot.some))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.slots = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_leave_after_ten_seconds() {
        let at = Duration::from_millis;
        let mut window = Window::default();
        window.add(at(500));
        window.add_part(at(9_900));
        assert_eq!(window.sums(at(9_999)), (1, 1));
        assert_eq!(window.sums(at(10_000)), (0, 1));
        assert_eq!(window.sums(at(19_000)), (0, 0));
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut window = Window::default();
        window.add(Duration::from_secs(50));
        window.add(Duration::from_secs(3));
        assert_eq!(window.sums(Duration::from_secs(50)), (2, 0));
    }
}
