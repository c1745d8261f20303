//! What a run and its parts may use up: money, tokens and calls are reserved before an effect and settled after it.
//!
//! An effect that only reservations of others keep from fitting waits until those are settled: an estimate that is too
//! high makes things slower, not wrong. Waiting cannot lock up, as an effect that holds a reservation waits for no other.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use uzel_core::{
    chat::RESERVED,
    document::Limits,
    event::InstancePath,
    failure::{Failure, FailureClass},
    node::{Spent, Tried},
    run::{Bound, Run, Totals},
};

use crate::layers::Purse;

/// Whose limits: an instance, and whether they are those of the app it runs.
pub(crate) type Holder = (InstancePath, bool);

/// So many accounts are looked through before another is opened.
const MANY: usize = 1_000;

/// All budgets of a run. One lock: an effect reserves from all that it is part of, or from none.
#[derive(Default)]
pub(crate) struct Budgets {
    accounts: Mutex<BTreeMap<Holder, Account>>,
    settled: Notify,
}

struct Account {
    limits: Limits,
    /// How a limit is named in a failure: `limits.tokens: 9000` of `notes`.
    names: [String; 3],
    spent: Amount,
    reserved: Amount,
}

#[derive(Clone, Copy, Default)]
struct Amount {
    cost_usd: f64,
    tokens: u64,
    calls: u64,
}

impl Amount {
    fn plus(self, more: Self) -> Self {
        Self {
            cost_usd: self.cost_usd + more.cost_usd,
            tokens: self.tokens.saturating_add(more.tokens),
            calls: self.calls.saturating_add(more.calls),
        }
    }

    fn minus(self, less: Self) -> Self {
        Self {
            // Sums of fractions do not come back to nothing by themselves.
            cost_usd: (self.cost_usd - less.cost_usd).max(0.0),
            tokens: self.tokens.saturating_sub(less.tokens),
            calls: self.calls.saturating_sub(less.calls),
        }
    }
}

impl From<Totals> for Amount {
    fn from(totals: Totals) -> Self {
        let tokens = totals.input_tokens + totals.output_tokens;
        Self { cost_usd: totals.cost_usd, tokens, calls: totals.calls }
    }
}

impl Budgets {
    /// The budgets that an instance is part of, from the run's own inwards; what their log says is spent of those that
    /// are new here.
    pub(crate) fn holders(&self, run: &Run, instance: &InstancePath) -> Vec<Holder> {
        let mut accounts = self.lock();
        if accounts.len() >= MANY {
            // Accounts of nodes that have settled are of no use.
            accounts.retain(|(path, _), _| run.state(path).is_none_or(|state| !state.is_settled()));
        }
        let limited = |bound: &Bound<'_>| {
            let Limits { cost_usd, tokens, calls, .. } = bound.limits;
            cost_usd.is_some() || tokens.is_some() || calls.is_some()
        };
        let mut holders = vec![];
        for bound in run.bounds_of(instance).into_iter().filter(limited) {
            let holder = (bound.path.clone(), bound.is_app);
            accounts.entry(holder.clone()).or_insert_with(|| Account::open(&bound, run.totals_of(&bound.path).into()));
            holders.push(holder);
        }
        holders
    }

    /// Reserves what one try may take from all holders; waits while only reservations stand against it.
    pub(crate) async fn reserve<'b>(
        &'b self,
        holders: &'b [Holder],
        most: Spent,
        calls: u64,
    ) -> Result<Reservation<'b>, Failure> {
        let amount = Amount { cost_usd: most.cost_usd, tokens: most.tokens, calls };
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // From here on a settlement wakes it, even one before it is waited for.
            settled.as_mut().enable();
            if self.try_reserve(holders, amount)? {
                return Ok(Reservation { budgets: self, holders, amount });
            }
            settled.await;
        }
    }

    /// Whether it is reserved; an error when it does not even fit what is left without the reservations of others.
    fn try_reserve(&self, holders: &[Holder], amount: Amount) -> Result<bool, Failure> {
        let mut accounts = self.lock();
        let mut fits = true;
        for account in holders.iter().filter_map(|holder| accounts.get(holder)) {
            account.fits(account.spent, amount)?;
            fits &= account.fits(account.spent.plus(account.reserved), amount).is_ok();
        }
        for holder in holders.iter().filter(|_| fits) {
            if let Some(account) = accounts.get_mut(holder) {
                account.reserved = account.reserved.plus(amount);
            }
        }
        Ok(fits)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Holder, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn open(bound: &Bound<'_>, spent: Amount) -> Self {
        let text = |name: &str, value: Option<String>| value.map(|value| bound.text(name, value)).unwrap_or_default();
        let limits = bound.limits.clone();
        let names = [
            text("cost_usd", limits.cost_usd.map(|limit| limit.to_string())),
            text("tokens", limits.tokens.map(|limit| limit.to_string())),
            text("calls", limits.calls.map(|limit| limit.to_string())),
        ];
        Self { limits, names, spent, reserved: Amount::default() }
    }

    /// Whether so much more fits beside what is taken. What takes nothing of a limit is not kept from happening by it.
    fn fits(&self, taken: Amount, more: Amount) -> Result<(), Failure> {
        let Limits { cost_usd, tokens, calls, .. } = &self.limits;
        let [cost_name, tokens_name, calls_name] = &self.names;
        let refused = |message: String| Err(Failure::new(FailureClass::Limit, message));
        if cost_usd.is_some_and(|limit| more.cost_usd > 0.0 && taken.cost_usd + more.cost_usd > limit) {
            let (more, taken) = (more.cost_usd, taken.cost_usd);
            return refused(format!("the call may cost ${more:.4}, and ${taken:.4} of {cost_name} is spent"));
        }
        if tokens.is_some_and(|limit| more.tokens > 0 && taken.tokens.saturating_add(more.tokens) > limit) {
            let (more, taken) = (more.tokens, taken.tokens);
            return refused(format!("the call may take {more} tokens, and {taken} of {tokens_name} are used"))
                .map_err(|failure| failure.because(RESERVED));
        }
        if calls.is_some_and(|limit| more.calls > 0 && taken.calls.saturating_add(more.calls) > limit) {
            return refused(format!("{} calls have been made, of {calls_name}", taken.calls));
        }
        Ok(())
    }
}

/// What one try of an effect may take; given back when the effect is over or dropped.
pub(crate) struct Reservation<'b> {
    budgets: &'b Budgets,
    holders: &'b [Holder],
    amount: Amount,
}

impl Purse for Reservation<'_> {
    fn spend(&self, tried: &Tried) {
        let tokens = tried.usage.input_tokens + tried.usage.output_tokens;
        let spent = Amount { cost_usd: tried.cost_usd, tokens, calls: self.amount.calls };
        let mut accounts = self.budgets.lock();
        for holder in self.holders {
            if let Some(account) = accounts.get_mut(holder) {
                account.spent = account.spent.plus(spent);
            }
        }
    }

    fn affords_another(&self) -> Result<(), Failure> {
        // What the next try may take is reserved still; it is taken back and asked for again.
        let accounts = self.budgets.lock();
        let mut mine = self.holders.iter().filter_map(|holder| accounts.get(holder));
        mine.try_for_each(|account| account.fits(account.spent.plus(account.reserved).minus(self.amount), self.amount))
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut accounts = self.budgets.lock();
        for holder in self.holders {
            if let Some(account) = accounts.get_mut(holder) {
                account.reserved = account.reserved.minus(self.amount);
            }
        }
        drop(accounts);
        self.budgets.settled.notify_waiters();
    }
}
