//! What every store must do, as functions that panic with a reason; run from the tests of each store.

pub mod lists;
pub mod log;
pub mod sample;

use std::sync::Arc;

use uzel_core::store::Store;

/// Runs the whole suite. `make` gives a new, empty store each time; the check that failed is named by the panic's
/// backtrace and its message.
pub async fn store(make: impl Fn() -> Arc<dyn Store>) {
    log::every_event_comes_back(&*make()).await;
    log::records_keep_their_order(&*make()).await;
    log::an_unknown_run_is_an_error(&*make()).await;
    log::a_stale_append_conflicts(&*make()).await;
    log::one_of_two_racing_appends_wins(make()).await;
    log::an_effect_has_one_result(&*make()).await;
    log::a_failing_append_leaves_nothing(&*make()).await;
    log::a_failing_append_fails_alone(make()).await;
    log::an_append_without_records_checks_too(&*make()).await;
    log::a_bad_append_is_refused(&*make()).await;
    log::a_large_value_that_is_nowhere_is_refused(&*make()).await;
    log::many_runs_at_once(make()).await;
    log::large_values(&*make()).await;
    log::all_of_unicode(&*make()).await;
    lists::heads_by_filter(&*make()).await;
    lists::a_head_is_replaced(&*make()).await;
    lists::due_in_order(&*make()).await;
    lists::tasks_open_and_closed(&*make()).await;
    lists::blobs_are_kept_once(&*make()).await;
    lists::releases_are_kept_once(&*make()).await;
    lists::many_waiting_runs(make()).await;
}
