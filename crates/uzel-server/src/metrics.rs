//! `/metrics`, in the OpenMetrics text format. Labels are routes, classes of status and statuses of runs only, so their
//! number does not grow with use.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use uzel_core::store::Status;

use crate::{Server, answer};

/// Upper bounds of the buckets of times, in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

/// Counts of requests.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<(String, u16), Times>>);

#[derive(Default)]
struct Times {
    count: u64,
    seconds: f64,
    buckets: [u64; BUCKETS.len()],
}

impl Metrics {
    fn note(&self, route: &str, status: u16, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.entry((route.to_owned(), status / 100)).or_default();
        let seconds = took.as_secs_f64();
        times.count += 1;
        times.seconds += seconds;
        for (bucket, bound) in times.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
    }
}

/// Counts a request, and says it in the log.
pub(crate) async fn measure(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let world = Arc::clone(&server.runner.engine().shared.world);
    let began = world.elapsed();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (took, status) = (world.elapsed().saturating_sub(began), response.status().as_u16());
    server.metrics.note(&route, status, took);
    let run = response.headers().get("x-run-id").and_then(|run| run.to_str().ok()).unwrap_or_default();
    tracing::info!(%method, route, status, ms = took.as_millis() as u64, run, "request");
    response
}

pub(crate) async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answer::of(StatusCode::OK, kind, text(&server))
}

fn text(server: &Server) -> String {
    let gauges = server.runner.gauges();
    let mut out = String::new();
    let plain = [
        ("uzel_runs_driven", "gauge", "Runs that are driven or wait for their turn.", "", gauges.driven as u64),
        ("uzel_runs_queued", "gauge", "Runs that wait for their turn.", "", gauges.queued as u64),
        ("uzel_runs_stuck", "gauge", "Runs that could not go on and are tried again.", "", gauges.stuck as u64),
        ("uzel_runs_accepted", "counter", "Runs that were accepted.", "_total", gauges.accepted),
        ("uzel_starts_refused", "counter", "Starts that were refused for want of room.", "_total", gauges.refused),
    ];
    for (name, kind, help, suffix, value) in plain {
        let _ = write!(out, "# TYPE {name} {kind}\n# HELP {name} {help}\n{name}{suffix} {value}\n");
    }
    let name = "uzel_runs_left";
    let _ = write!(out, "# TYPE {name} counter\n# HELP {name} Times that a run ended or parked, by status.\n");
    for (status, count) in Status::ALL.iter().zip(gauges.left) {
        let _ = writeln!(out, "{name}_total{{status=\"{}\"}} {count}", status.as_str());
    }
    let name = "uzel_http_request_seconds";
    let _ = write!(out, "# TYPE {name} histogram\n# UNIT {name} seconds\n# HELP {name} Time until an answer begins.\n");
    let requests = server.metrics.0.lock().unwrap_or_else(PoisonError::into_inner);
    for ((route, class), times) in &*requests {
        let labels = format!("route=\"{route}\",status=\"{class}xx\"");
        for (bound, count) in BUCKETS.iter().zip(times.buckets) {
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound:?}\"}} {count}");
        }
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", times.count);
        let _ = writeln!(out, "{name}_count{{{labels}}} {}", times.count);
        let _ = writeln!(out, "{name}_sum{{{labels}}} {}", times.seconds);
    }
    out.push_str("# EOF\n");
    out
}
