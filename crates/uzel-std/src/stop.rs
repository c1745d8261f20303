//! Work that blocks a thread of its own, and is to stop when nobody waits for it any more: JavaScript, SQL. Used by kinds
//! and tools.
//!
//! A future that is dropped leaves its thread behind. The work asks [`is_stopped`] every now and then, so that what a run
//! was doing ends with the run.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use uzel_core::failure::{Failure, FailureClass};

thread_local! {
    /// Whether the work of this thread is wanted no more.
    static STOPPED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Says that the work is wanted no more, once nobody waits for it.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does work that blocks. It is not begun, or told to stop, when the future is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let stopped = Arc::new(AtomicBool::new(false));
    let waiting = Waiting(Arc::clone(&stopped));
    let done = tokio::task::spawn_blocking(move || {
        // It may have been queued for a while.
        if stopped.load(Ordering::Relaxed) {
            return Err(Failure::new(FailureClass::Cancelled, "nobody waits for it any more"));
        }
        STOPPED.replace(Some(stopped));
        let _clear = Clear;
        work()
    })
    .await;
    drop(waiting);
    done.unwrap_or_else(|error| Err(Failure::new(FailureClass::Bug, "the work broke off").because(error)))
}

/// The thread is used again, by work of others.
struct Clear;

impl Drop for Clear {
    fn drop(&mut self) {
        STOPPED.replace(None);
    }
}

/// Whether the work of this thread is to stop.
pub(crate) fn is_stopped() -> bool {
    STOPPED.with_borrow(|stopped| stopped.as_ref().is_some_and(|stopped| stopped.load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_is_told_to_stop() {
        let (begun, has_begun) = oneshot::channel();
        let (ended, has_ended) = oneshot::channel();
        let work = blocking(move || {
            begun.send(()).unwrap();
            while !is_stopped() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
            Ok(())
        });
        tokio::select! {
            done = work => panic!("{done:?}"),
            begun = has_begun => begun.unwrap(),
        }
        has_ended.await.unwrap();
        assert!(!blocking(|| Ok(is_stopped())).await.unwrap(), "the thread is used again");
    }
}
